//! A real directory server (OpenLDAP's slapd) on loopback, and files.

use std::net::TcpListener;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use investigation::policy::Span;
use tempfile::TempDir;

use super::*;

const LDIF: &str = "\
dn: dc=example,dc=com
objectClass: dcObject
objectClass: organization
dc: example
o: Example

dn: ou=people,dc=example,dc=com
objectClass: organizationalUnit
ou: people

dn: uid=alice,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: alice
cn: Alice Adams
sn: Adams
mail: alice.adams@example.com
mail: alice@old.example.com
preferredLanguage: de-DE

dn: uid=bob,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: bob
cn: Bob
sn: Bob

dn: cn=one,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: twin
cn: one
sn: Twin
mail: one@example.com

dn: cn=two,ou=people,dc=example,dc=com
objectClass: inetOrgPerson
uid: twin
cn: two
sn: Twin
mail: two@example.com
";

/// A directory server with its certificates.
struct Slapd {
    folder: TempDir,
    child: Child,
    tls_port: u16,
    plain_port: u16,
}

impl Drop for Slapd {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn done(command: &mut Command) {
    let output = command.output().unwrap();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
}

impl Slapd {
    /// `None` where it is not installed, and the test has to be skipped.
    fn start() -> Option<Self> {
        let program = Path::new("/usr/sbin/slapd");
        if !program.exists() {
            #[expect(clippy::disallowed_methods, reason = "on CI a skip proves nothing")]
            let on_ci = std::env::var_os("CI").is_some();
            assert!(!on_ci, "cannot be skipped here: slapd is not installed");
            println!("skipped: slapd not installed (scripts/test-requirements installs it)");
            return None;
        }
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name).display().to_string();
        certificates(folder.path());
        fs::create_dir(folder.path().join("db")).unwrap();
        let config = format!(
            "include /etc/ldap/schema/core.schema\ninclude /etc/ldap/schema/cosine.schema\n\
             include /etc/ldap/schema/inetorgperson.schema\nmodulepath /usr/lib/ldap\nmoduleload back_mdb\n\
             pidfile {pid}\nTLSCACertificateFile {ca}\nTLSCertificateFile {cert}\nTLSCertificateKeyFile {key}\n\
             database mdb\nsuffix dc=example,dc=com\nrootdn cn=reader,dc=example,dc=com\nrootpw s3cret\n\
             directory {db}\naccess to * by users read by anonymous auth\n",
            pid = at("pid"),
            ca = at("ca.pem"),
            cert = at("server.pem"),
            key = at("server.key"),
            db = at("db"),
        );
        fs::write(at("slapd.conf"), config).unwrap();
        fs::write(at("people.ldif"), LDIF).unwrap();
        fs::write(at("password"), "s3cret\n").unwrap();
        done(Command::new(program).args(["-T", "add", "-f", &at("slapd.conf"), "-l", &at("people.ldif")]));
        let (tls_port, plain_port) = (free_port(), free_port());
        let child = Command::new(program)
            .args(["-f", &at("slapd.conf"), "-d", "0", "-h"])
            .arg(format!("ldap://127.0.0.1:{plain_port}/ ldaps://127.0.0.1:{tls_port}/"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let slapd = Self { folder, child, tls_port, plain_port };
        let give_up = Instant::now() + Duration::from_secs(60);
        while std::net::TcpStream::connect(("127.0.0.1", tls_port)).is_err() {
            assert!(Instant::now() < give_up, "slapd does not answer");
            std::thread::sleep(Duration::from_millis(50));
        }
        Some(slapd)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn server(&self, url: &str) -> LdapServer {
        let section = format!(
            "url = '{url}'\nbase = 'dc=example,dc=com'\nfilter = '(&(objectClass=inetOrgPerson)(uid={{user}}))'\n\
             bind_dn = 'cn=reader,dc=example,dc=com'\npassword_file = 'password'\n"
        );
        LdapServer {
            section: Ldap { timeout: Span::seconds(20), ..toml_section(&section) },
            password_file: Some(self.path("password")),
            ca_file: Some(self.path("ca.pem")),
        }
    }
}

/// A section as the policy reads it.
fn toml_section(section: &str) -> Ldap {
    let text = format!(
        "version = 1\n[scope]\nnetworks = []\n[users]\nmail_domains = ['example.com']\n[users.ldap]\n{section}"
    );
    Policy::parse(&text).unwrap().users.ldap.unwrap()
}

/// An authority, a server certificate for `localhost`, and another authority.
fn certificates(folder: &Path) {
    let openssl = |arguments: &[&str]| done(Command::new("openssl").args(arguments).current_dir(folder));
    for name in ["ca", "other"] {
        openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=Test authority",
            "-addext",
            "basicConstraints=critical,CA:TRUE",
            "-keyout",
            &format!("{name}.key"),
            "-out",
            &format!("{name}.pem"),
        ]);
    }
    openssl(&[
        "req",
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:P-256",
        "-nodes",
        "-subj",
        "/CN=localhost",
        "-keyout",
        "server.key",
        "-out",
        "server.csr",
    ]);
    fs::write(folder.join("ext"), "subjectAltName=DNS:localhost\nbasicConstraints=CA:FALSE\n").unwrap();
    openssl(&[
        "x509",
        "-req",
        "-in",
        "server.csr",
        "-CA",
        "ca.pem",
        "-CAkey",
        "ca.key",
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        "ext",
        "-out",
        "server.pem",
    ]);
}

async fn asked(server: LdapServer, users: &[&str]) -> (Vec<Person>, Vec<String>, bool) {
    let policy = Policy::parse("version = 1\n[scope]\nnetworks = []\n").unwrap();
    let users: Vec<String> = users.iter().map(|user| (*user).to_owned()).collect();
    let directories = Directories { csv: None, ldap: Some(server) };
    match directories.look_up(&users, &policy).await {
        Event::LookedUp { people, faults, again } => (people, faults, again),
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_directory_server_says_address_and_language_over_tls_of_both_kinds() {
    let Some(slapd) = Slapd::start() else { return };
    let alice = Person {
        user: "corp\\alice".to_owned(),
        source: AddressSource::Ldap,
        mail: Some("alice.adams@example.com".to_owned()),
        language: Some("de-DE".to_owned()),
    };
    for url in
        [format!("ldaps://localhost:{}", slapd.tls_port), format!("ldap://localhost:{}", slapd.plain_port)]
    {
        let (people, faults, again) =
            asked(slapd.server(&url), &["corp\\alice", "corp\\bob", "corp\\carol", "corp\\twin"]).await;
        assert_eq!(people.first(), Some(&alice), "{url}: {faults:?}");
        // Bob has no address; Carol is not there; of the twins nobody knows which it is.
        assert_eq!((people.len(), &people[1].mail), (2, &None), "{people:?}");
        assert_eq!((faults.len(), again), (1, false), "{faults:?}");
        assert!(faults[0].contains("corp\\twin is found more than once"), "{faults:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_hostile_name_is_searched_for_as_it_is() {
    let Some(slapd) = Slapd::start() else { return };
    let server = slapd.server(&format!("ldaps://localhost:{}", slapd.tls_port));
    for name in ["*", "alice)(uid=*", "a*", "al\\69ce", "\u{0}", "alice)(|(uid=bob"] {
        let (people, faults, _) = asked(server.clone(), &[name]).await;
        assert!(people.is_empty() && faults.is_empty(), "{name:?} found {people:?} {faults:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_that_cannot_be_believed_or_asked_is_said() {
    let Some(slapd) = Slapd::start() else { return };
    let tls = format!("ldaps://localhost:{}", slapd.tls_port);
    let with = |change: &dyn Fn(&mut LdapServer)| {
        let mut server = slapd.server(&tls);
        change(&mut server);
        server
    };
    fs::write(slapd.path("wrong"), "wr0ng\n").unwrap();
    let closed = format!("ldaps://localhost:{}", free_port());
    let by_address = format!("ldaps://127.0.0.1:{}", slapd.tls_port);
    for (server, why, again) in [
        (with(&|s| s.ca_file = Some(slapd.path("other.pem"))), "certificate", true),
        (with(&|s| s.section.url.clone_from(&by_address)), "certificate", true),
        (with(&|s| s.section.url.clone_from(&closed)), "no connection", true),
        (with(&|s| s.password_file = Some(slapd.path("wrong"))), "login refused", false),
        (with(&|s| s.password_file = Some(slapd.path("absent"))), "password file", true),
        (with(&|s| s.ca_file = Some(slapd.path("absent"))), "ca_file", true),
        (with(&|s| s.section.base = "dc=other,dc=com".to_owned()), "result code 32", false),
        (with(&|s| s.section.base = "nonsense".to_owned()), "result code 34", false),
    ] {
        let (people, faults, tried_again) = asked(server, &["corp\\alice"]).await;
        assert!(people.is_empty() && faults.len() == 1, "{why}: {people:?} {faults:?}");
        assert!(faults[0].contains(why) && !faults[0].contains("s3cret"), "{why}: {faults:?}");
        assert_eq!(tried_again, again, "{faults:?}");
    }
    // One that takes the connection and says nothing.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ldaps://localhost:{}", silent.local_addr().unwrap().port());
    let quick = with(&|s| {
        s.section.url.clone_from(&url);
        s.section.timeout = Span::seconds(1);
    });
    let (_, faults, again) = asked(quick, &["corp\\alice"]).await;
    assert!(faults[0].contains("did not answer within 1s") && again, "{faults:?}");
}

#[tokio::test]
async fn a_list_of_users_is_read_anew_each_time() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("users.csv");
    let policy = Policy::parse("version = 1\n[scope]\nnetworks = []\n").unwrap();
    let directories = Directories { csv: Some(file.clone()), ldap: None };
    let users = ["corp\\alice".to_owned()];
    let look_up = || directories.look_up(&users, &policy);
    let Event::LookedUp { people, faults, again } = look_up().await else { panic!() };
    assert!(people.is_empty() && again && faults[0].contains("users.csv"), "{faults:?}");
    fs::write(&file, b"user;mail\nalice;\xe4@example.com\n").unwrap();
    let Event::LookedUp { faults, .. } = look_up().await else { panic!() };
    assert!(faults[0].contains("UTF-8"), "{faults:?}");
    fs::write(&file, "user;mail;language\nCORP\\alice;a@example.com;fr\n").unwrap();
    let Event::LookedUp { people, faults, .. } = look_up().await else { panic!() };
    assert_eq!(
        (people[0].mail.as_deref(), people[0].language.as_deref()),
        (Some("a@example.com"), Some("fr"))
    );
    assert!(faults.is_empty(), "{faults:?}");
    assert_eq!(check_csv(&file, &policy), Ok(1));
}
