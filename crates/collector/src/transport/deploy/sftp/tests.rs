//! Against OpenSSH's own server, and against one that misbehaves.

use std::process::Stdio;

use tokio::io::{DuplexStream, duplex};

use super::*;

fn server_program() -> Option<&'static str> {
    ["/usr/lib/openssh/sftp-server", "/usr/libexec/openssh/sftp-server", "/usr/libexec/sftp-server"]
        .into_iter()
        .find(|path| std::path::Path::new(path).exists())
}

#[tokio::test]
async fn a_file_is_put_looked_at_and_removed() {
    let Some(program) = server_program() else {
        eprintln!("skipped: no sftp-server is installed (openssh-server has it)");
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let mut child = tokio::process::Command::new(program)
        .current_dir(dir.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let stream = tokio::io::join(child.stdout.take().unwrap(), child.stdin.take().unwrap());
    let mut server = Server::open(stream).await.unwrap();
    let bytes: Vec<u8> = (0..100_000u32).map(|n| (n % 253) as u8).collect();
    server.make_folder("new").await.unwrap();
    server.put("new/program", &bytes).await.unwrap();
    assert_eq!(std::fs::read(dir.path().join("new/program")).unwrap(), bytes);
    let hash = HEXLOWER.encode(&Sha256::digest(&bytes));
    assert_eq!(server.sha256("new/program", bytes.len() as u64).await.unwrap(), hash);
    std::fs::write(dir.path().join("new/program"), b"changed").unwrap();
    assert_ne!(server.sha256("new/program", bytes.len() as u64).await.unwrap(), hash);

    // What is there already is somebody else's.
    assert!(server.make_folder("new").await.unwrap_err().0.contains("folder"));
    assert!(server.put("new/program", b"x").await.unwrap_err().0.contains("opened"));
    // Something else in the folder keeps it there, and that shows.
    std::fs::write(dir.path().join("new/other"), b"").unwrap();
    assert!(!server.remove("new", "new/program").await.unwrap());
    std::fs::remove_file(dir.path().join("new/other")).unwrap();
    assert!(server.remove("new", "new/program").await.unwrap());
    assert!(server.remove("new", "new/program").await.unwrap(), "it may be done twice");
}

/// A server that says this, whatever it is asked.
async fn says(answer: &[u8]) -> Result<Server<DuplexStream>, Failure> {
    let (ours, mut theirs) = duplex(1 << 20);
    theirs.write_all(answer).await.unwrap();
    // Its reading end stays open for as long as the test takes.
    tokio::spawn(async move {
        let _ = tokio::io::copy(&mut theirs, &mut tokio::io::sink()).await;
    });
    Server::open(ours).await
}

const HELLO: [u8; 9] = [0, 0, 0, 5, VERSION, 0, 0, 0, 3];

#[tokio::test]
async fn a_server_that_misbehaves_is_let_go() {
    assert!(says(&[0xff; 64]).await.is_err_and(|e| e.0.contains("4294967295 bytes")));
    assert!(says(&[0, 0, 0, 0]).await.is_err_and(|e| e.0.contains("0 bytes")));
    assert!(says(&[0, 0, 0, 1, STATUS]).await.is_err_and(|e| e.0.contains("type 101")));
    // Another request's answer; a status that is cut short; data where a status is due.
    for (answer, what) in [
        (&[0, 0, 0, 9, STATUS, 0, 0, 0, 9, 0, 0, 0, 0][..], "not asked"),
        (&[0, 0, 0, 6, STATUS, 0, 0, 0, 1, 0], "no code"),
        (&[0, 0, 0, 9, DATA, 0, 0, 0, 1, 0, 0, 0, 0], "type 103"),
        (&[0, 0, 0, 3, STATUS, 0, 0], "not asked"),
    ] {
        let mut server = says(&[&HELLO, answer].concat()).await.unwrap();
        let error = server.make_folder("x").await.unwrap_err().0;
        assert!(error.contains(what), "{answer:?}: {error}");
    }
    // A handle that is longer than its message.
    let handle = [0, 0, 0, 10, HANDLE, 0, 0, 0, 1, 0, 0, 1, 0, b'h'];
    let mut server = says(&[&HELLO[..], &handle].concat()).await.unwrap();
    assert!(server.put("x", b"y").await.unwrap_err().0.contains("cut short"));
    // A file that has no end and gives nothing.
    let handle = [0, 0, 0, 10, HANDLE, 0, 0, 0, 1, 0, 0, 0, 1, b'h'];
    let nothing = [0, 0, 0, 9, DATA, 0, 0, 0, 2, 0, 0, 0, 0];
    let mut server = says(&[&HELLO[..], &handle, &nothing].concat()).await.unwrap();
    assert!(server.sha256("x", 10).await.unwrap_err().0.contains("no end"));
}
