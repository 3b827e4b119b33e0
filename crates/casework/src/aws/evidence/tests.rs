mod broken_line;
mod hostile;
mod memory;
mod sealed;

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::Path;
use std::sync::{Arc, LazyLock, Mutex};

use aws_config::BehaviorVersion;
use aws_credential_types::Credentials;
use aws_sdk_s3::config::interceptors::BeforeTransmitInterceptorContextRef;
use aws_sdk_s3::config::{ConfigBag, Intercept, Region, RequestChecksumCalculation, RuntimeComponents};
use aws_sdk_s3::error::BoxError;
use data_encoding::HEXLOWER;
use emulator::{Ministack, Options};
use investigation::evidence::Collection;
use investigation::evidence::manifest::{Entry, Tool, media_type};
use investigation::order::{REPORT_FORMAT, RelayReport, RelayResult};
use sha2::{Digest, Sha256};
use zip::CompressionMethod;
use zip::write::SimpleFileOptions;

use super::*;
use crate::container::{Report, VerifyError, verify_in};

const ORIGIN: Origin<'_> = Origin { case_id: "20260302-1", effect: 3, attempt: 1 };
const KEY: &str = "evidence/2026/03/20260302-1.zip";
const STAGING: &str = "staging";

/// One for all tests; it ends with this process.
static MINISTACK: LazyLock<Ministack> =
    LazyLock::new(|| Ministack::start(Options::default()).expect("MiniStack"));

fn now() -> Timestamp {
    "2026-03-02T09:15:42Z".parse().unwrap()
}

/// The headers of every request that began an object, as they went out.
#[derive(Clone, Debug, Default)]
struct Asked(Arc<Mutex<Vec<BTreeMap<String, String>>>>);

impl Intercept for Asked {
    fn name(&self) -> &'static str {
        "Asked"
    }

    fn read_before_transmit(
        &self,
        context: &BeforeTransmitInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let request = context.request();
        let begins = (request.method() == "PUT" && request.uri().contains("x-id=PutObject"))
            || (request.method() == "POST" && request.uri().ends_with("?uploads"));
        if begins {
            let headers = request.headers().iter();
            let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            self.0.lock().unwrap().push(headers);
        }
        Ok(())
    }
}

/// Buckets of one test.
struct Scene {
    client: Client,
    asked: Asked,
    staging: String,
    evidence: EvidenceBucket,
}

impl Scene {
    /// `None` where MiniStack cannot run.
    async fn set(test: &str) -> Option<Self> {
        if emulator::skipped() {
            return None;
        }
        // Starting it blocks.
        let endpoint = tokio::task::spawn_blocking(|| MINISTACK.endpoint().to_owned()).await.unwrap();
        let asked = Asked::default();
        let client = client(&endpoint, &asked);
        let (staging, bucket) = (format!("{STAGING}-{test}"), format!("evidence-{test}"));
        client.create_bucket().bucket(&staging).send().await.unwrap();
        client.create_bucket().bucket(&bucket).object_lock_enabled_for_bucket(true).send().await.unwrap();
        Some(Self { client, asked, staging, evidence: EvidenceBucket { bucket, kms_key: None, lock: None } })
    }

    async fn stage(&self, bundle: Vec<u8>) {
        self.put(&self.staging, &bundle_key(&ORIGIN), bundle).await;
    }

    async fn put(&self, bucket: &str, key: &str, bytes: Vec<u8>) {
        self.client.put_object().bucket(bucket).key(key).body(bytes.into()).send().await.unwrap();
    }

    async fn open(&self, proof: Proof) -> Result<Bundle<S3Object>, OpenError> {
        open_bundle(&self.client, &self.staging, &ORIGIN, Caps::default(), proof).await
    }

    async fn seal_at(&self, sealed_at: Timestamp) -> Result<SealedObject, SealObjectError> {
        let bundle = self.open(Proof::AsRead).await.unwrap();
        self.evidence.seal(&self.client, sealing(ORIGIN.case_id, sealed_at), bundle).await
    }

    async fn seal(&self) -> Result<SealedObject, SealObjectError> {
        self.seal_at(now()).await
    }

    /// Proves what lies under the case's key.
    async fn verify(&self) -> Result<Report, ContainerError<VerifyError>> {
        read_container(&self.client, &self.evidence.bucket, KEY, |mut object, size| {
            verify_in(&mut object, size)
        })
        .await
    }

    /// What lies under the case's key.
    async fn sealed(&self) -> Option<Vec<u8>> {
        let got = self.client.get_object().bucket(&self.evidence.bucket).key(KEY).send().await;
        match got {
            Ok(got) => Some(got.body.collect().await.unwrap().to_vec()),
            Err(error) => {
                assert!(error.as_service_error().is_some_and(|error| error.is_no_such_key()), "{error:?}");
                None
            }
        }
    }

    /// Uploads that were begun, and neither completed nor given up.
    async fn unfinished(&self) -> Vec<String> {
        let listed = self.client.list_multipart_uploads().bucket(&self.evidence.bucket).send().await.unwrap();
        listed.uploads().iter().filter_map(|upload| upload.upload_id().map(str::to_owned)).collect()
    }
}

fn client(endpoint: &str, asked: &Asked) -> Client {
    let config = aws_sdk_s3::Config::builder()
        .behavior_version(BehaviorVersion::latest())
        .region(Region::new("us-east-1"))
        .credentials_provider(Credentials::new("test", "test", None, None, "test"))
        .http_client(aws_smithy_http_client::Builder::new().build_http())
        .endpoint_url(endpoint)
        .force_path_style(true)
        .request_checksum_calculation(RequestChecksumCalculation::WhenRequired)
        .interceptor(asked.clone())
        .build();
    Client::from_conf(config)
}

fn sealing(case_id: &str, sealed_at: Timestamp) -> Sealing {
    Sealing {
        key: evidence_key(ORIGIN.case_id, now()),
        extra: vec![("alert.json", b"{\"id\":\"a1\"}".to_vec()), ("report.md", b"# Report\n".to_vec())],
        case_id: case_id.to_owned(),
        tool: Tool { name: "peerhound".to_owned(), version: "0.1.0".to_owned() },
        sealed_at,
        supplement: None,
    }
}

fn collection(case_id: &str) -> Collection {
    Collection {
        case_id: case_id.to_owned(),
        target: "10.0.0.5".parse().unwrap(),
        transport: "ssh".to_owned(),
        endpoint_key: None,
        collector_host: "relay-1".to_owned(),
        collector_version: "0.1.0".to_owned(),
        clock_skew_ms: Some(4),
        started_at: now(),
        finished_at: now(),
        outcomes: Vec::new(),
        program: None,
        commands: Vec::new(),
    }
}

/// What a relay stages: the record, an identity, and one raw output of this size that does not get smaller when packed.
fn staged(size: usize) -> Vec<(&'static str, Vec<u8>)> {
    let mut noise = vec![0; size];
    Noise::default().read_exact(&mut noise).unwrap();
    vec![
        ("collection.json", serde_json::to_vec(&collection(ORIGIN.case_id)).unwrap()),
        ("artifacts/processes.json", b"[]".to_vec()),
        ("artifacts/raw/processes.stdout", noise),
    ]
}

fn report(entries: &[(&str, Vec<u8>)]) -> RelayReport {
    let entry = |(path, bytes): &(&str, Vec<u8>)| {
        listed(path, bytes.len() as u64, HEXLOWER.encode(&Sha256::digest(bytes)))
    };
    RelayReport {
        format: REPORT_FORMAT.to_owned(),
        case_id: ORIGIN.case_id.to_owned(),
        target: "10.0.0.5".parse().unwrap(),
        effect: ORIGIN.effect,
        attempt: ORIGIN.attempt,
        relay: "site-1".to_owned(),
        relay_version: "0.1.0".to_owned(),
        started_at: now(),
        finished_at: now(),
        result: RelayResult::Staged,
        entries: entries.iter().map(entry).collect(),
    }
}

fn listed(path: &str, size: u64, sha256: String) -> Entry {
    Entry { path: path.to_owned(), size, sha256, media_type: media_type(path).to_owned() }
}

fn pack(report: &RelayReport, entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(io::Cursor::new(Vec::new()));
    zip.start_file("report.json", SimpleFileOptions::default()).unwrap();
    zip.write_all(&serde_json::to_vec(report).unwrap()).unwrap();
    for (name, bytes) in entries {
        // Packing a lot of noise would take longer than everything else together.
        let method =
            if bytes.len() > 1 << 20 { CompressionMethod::Stored } else { CompressionMethod::Deflated };
        zip.start_file(*name, SimpleFileOptions::default().compression_method(method)).unwrap();
        zip.write_all(bytes).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn bundle(size: usize) -> Vec<u8> {
    pack(&report(&staged(size)), &staged(size))
}

/// A bundle on disk with one large raw output, written without holding it in memory.
fn large_bundle(path: &Path, size: u64, method: CompressionMethod) {
    let mut hash = Sha256::new();
    let mut noise = Noise::default().take(size);
    let mut buffer = vec![0; 64 << 10];
    while let count @ 1.. = noise.read(&mut buffer).unwrap() {
        hash.update(&buffer[..count]);
    }
    let mut entries = staged(0);
    entries.pop();
    let mut report = report(&entries);
    report.entries.push(listed("artifacts/raw/large.stdout", size, HEXLOWER.encode(&hash.finalize())));

    let mut zip = zip::ZipWriter::new(File::create(path).unwrap());
    zip.start_file("report.json", SimpleFileOptions::default()).unwrap();
    zip.write_all(&serde_json::to_vec(&report).unwrap()).unwrap();
    for (name, bytes) in entries {
        zip.start_file(name, SimpleFileOptions::default()).unwrap();
        zip.write_all(&bytes).unwrap();
    }
    let options = SimpleFileOptions::default().compression_method(method);
    zip.start_file("artifacts/raw/large.stdout", options).unwrap();
    io::copy(&mut Noise::default().take(size), &mut zip).unwrap();
    zip.finish().unwrap();
}

/// Pseudo-random bytes (xorshift64).
struct Noise(u64);

impl Default for Noise {
    fn default() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }
}

impl Read for Noise {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        for chunk in buffer.chunks_mut(8) {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            chunk.copy_from_slice(&self.0.to_le_bytes()[..chunk.len()]);
        }
        Ok(buffer.len())
    }
}

#[test]
fn keys_say_what_they_belong_to() {
    assert_eq!(bundle_key(&ORIGIN), "staging/20260302-1/3-1/bundle.zip");
    assert_eq!(origin_of(&bundle_key(&ORIGIN)), Some(ORIGIN));
    for other in [
        "staging/20260302-1/3-1/bundle.zip/x",
        "staging/20260302-1/03-1/bundle.zip",
        "staging/20260302-1/+3-1/bundle.zip",
        "staging/20260302-1/3/bundle.zip",
        "staging/20260302-1/bundle.zip",
        "orders/20260302-1/3-1/bundle.zip",
    ] {
        assert_eq!(origin_of(other), None, "{other}");
    }
    assert_eq!(evidence_key(ORIGIN.case_id, now()), KEY);
}
