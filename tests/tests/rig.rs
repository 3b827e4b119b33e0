//! Proof that the rig is what the other tests take it for.

use std::time::{Duration, Instant};

use acceptance::{
    ALICE, Answer, Endpoint, Host, MailServer, Network, Swarm, TicketServer, groups_of, namespaces_of,
    processes_of, require_or_skip, run, sweep, wait_until,
};

const SSH: &[&str] = &["sshd", "ssh", "ssh-keygen"];

#[test]
fn an_endpoint_answers_to_its_pinned_key_only_and_has_alice_logged_in() {
    if !require_or_skip(SSH) {
        return;
    }
    let network = Network::new().expect("a network");
    let mut endpoint = Endpoint::start(&network, "laptop", 20).expect("an endpoint");
    let name = endpoint.ssh(&network, "hostname").expect("ssh");
    assert_eq!(name.code, Some(0), "{}", name.told());
    assert_eq!(endpoint.logins(), 1);
    if endpoint.host().isolated() {
        assert_eq!(name.stdout.trim(), "laptop");
        let who = endpoint.ssh(&network, "who").expect("ssh").stdout;
        assert!(who.starts_with(ALICE), "who says {who:?}");
    }

    endpoint.rotate_host_key().expect("another host key");
    let refused = endpoint.ssh(&network, "hostname").expect("ssh");
    assert_eq!(refused.code, Some(255), "{}", refused.told());
    assert!(refused.stderr.contains("HOST IDENTIFICATION HAS CHANGED"), "{}", refused.told());
    let known = endpoint.connections();
    assert!(known >= 2, "sshd counts what it refuses as well: {known}");
}

#[test]
fn a_machine_sees_its_own_processes_sockets_and_files_only() {
    if !require_or_skip(SSH) {
        return;
    }
    let network = Network::new().expect("a network");
    if !network.isolated() {
        acceptance::skip_or_fail("without namespaces a host's processes are this machine's");
        return;
    }
    let endpoint = Endpoint::start(&network, "clean", 21).expect("an endpoint");
    let host = endpoint.host();
    let processes = host.run(&["ps", "-eo", "pid=,args="]).expect("ps");
    assert!(processes.lines().count() <= 5, "{processes}");
    assert!(processes.trim_start().starts_with("1 /bin/bash /etc/init"), "{processes}");
    let sockets = host.run(&["ss", "-Htln"]).expect("ss");
    assert_eq!(sockets.lines().count(), 1, "sshd is all that listens: {sockets}");
    let here = env!("CARGO_MANIFEST_DIR");
    assert_eq!(
        host.try_run(&["test", "-e", here]).expect("test").code,
        Some(1),
        "this machine's files are not there"
    );
    assert_ne!(
        host.try_run(&["touch", "/usr/bin/peerhound"]).expect("touch").code,
        Some(0),
        "programs are read-only"
    );
}

#[test]
fn hosts_reach_each_other_and_nothing_else() {
    let network = Network::new().expect("a network");
    if !network.isolated() {
        acceptance::skip_or_fail("without namespaces hosts are this machine");
        return;
    }
    let near = Host::start(&network, "near", 31).expect("a host");
    let far = Host::start(&network, "far", 32).expect("a host");
    let routes = near.run(&["ip", "route"]).expect("ip route");
    assert!(!routes.contains("default"), "{routes}");
    near.run(&["bash", "-c", "echo reached | timeout 5 bash -c 'exec 3<>/dev/tcp/10.213.7.32/1'"])
        .expect_err("nothing listens");
    let connected =
        near.try_run(&["timeout", "5", "bash", "-c", "exec 3<>/dev/tcp/10.213.7.32/1"]).expect("bash");
    assert!(
        connected.stderr.contains("Connection refused"),
        "a refusal proves the way there: {}",
        connected.told()
    );
    let outside =
        near.try_run(&["timeout", "5", "bash", "-c", "exec 3<>/dev/tcp/192.0.2.1/80"]).expect("bash");
    assert!(outside.stderr.contains("Network is unreachable"), "{}", outside.told());
    drop(far);
}

#[test]
fn a_download_is_in_progress_over_an_established_connection() {
    let network = Network::new().expect("a network");
    if !require_or_skip(SSH) || !require_or_skip(Swarm::TOOLS) {
        return;
    }
    let mut endpoint = Endpoint::start(&network, "laptop", 20).expect("an endpoint");
    let swarm = Swarm::start(&network, &mut endpoint, acceptance::PEER).expect("a swarm");
    assert!(swarm.connected(&endpoint).expect("ss"));
    assert_eq!(swarm.infohash.len(), 40, "{}", swarm.infohash);
    assert!(swarm.infohash.bytes().all(|byte| byte.is_ascii_hexdigit()));
    if network.isolated() {
        assert_eq!(swarm.client_image, "/usr/bin/transmission-daemon");
        let owner =
            endpoint.host().run(&["ps", "-o", "user=", "-p", &swarm.client_pid.to_string()]).expect("ps");
        assert_eq!(owner.trim(), ALICE);
        let part = endpoint.host().outside("/home/alice/Downloads").join(format!("{}.part", swarm.payload));
        assert!(part.exists(), "an unfinished download has Transmission's suffix");
    }
}

#[test]
fn the_servers_store_what_they_get() {
    if !require_or_skip(&["curl", "python3"]) {
        return;
    }
    if !MailServer::python().expect("a path").exists() {
        acceptance::skip_or_fail("aiosmtpd is not installed (scripts/test-requirements installs it)");
        return;
    }
    let network = Network::new().expect("a network");
    let mail = MailServer::start(&network).expect("a mail server");
    let letter = network.workspace().folder().join("letter");
    std::fs::write(&letter, "Subject: Found\r\n\r\nOne client.\r\n").expect("a letter");
    let url = format!("smtp://127.0.0.1:{}", mail.port());
    let letter = letter.to_string_lossy();
    let sent = network
        .on_soc(&[
            "curl",
            "-sS",
            &url,
            "--mail-from",
            "a@corp.example",
            "--mail-rcpt",
            "b@corp.example",
            "-T",
            &letter,
        ])
        .expect("curl");
    assert_eq!(sent.code, Some(0), "{}", sent.told());
    let mails = mail.mails().expect("the mails");
    assert_eq!(mails.len(), 1);
    assert_eq!(
        (mails[0].from.as_str(), mails[0].to.as_slice()),
        ("a@corp.example", &["b@corp.example".to_owned()][..])
    );
    assert!(mails[0].message.contains("One client."), "{}", mails[0].message);

    let tickets = TicketServer::start(&network).expect("a ticket server");
    let url = format!("http://127.0.0.1:{}/hook?team=soc", tickets.port());
    let post = || {
        let argv = [
            "curl",
            "-s",
            "-o",
            "/dev/null",
            "-w",
            "%{http_code}",
            "-m",
            "3",
            "-H",
            "Idempotency-Key: case-1",
            "-d",
            "{\"a\":1}",
            &url,
        ];
        network.on_soc(&argv).expect("curl").stdout
    };
    assert_eq!(post(), "201");
    tickets.answer(Answer::Status(503)).expect("an answer");
    assert_eq!(post(), "503");
    tickets.answer(Answer::Silence).expect("an answer");
    assert_eq!(post(), "000");
    tickets.answer(Answer::Slow(5)).expect("an answer");
    assert_eq!(post(), "000", "curl gave up after three seconds");
    let all = tickets.tickets().expect("the tickets");
    assert_eq!(all.iter().map(|ticket| ticket.status).collect::<Vec<_>>(), [201, 503, 0, 201]);
    assert_eq!((all[0].path.as_str(), all[0].body.as_str()), ("/hook?team=soc", "{\"a\":1}"));
    assert_eq!(all[0].headers.get("idempotency-key").map(String::as_str), Some("case-1"));
}

#[test]
fn nothing_is_left_after_a_run() {
    if !require_or_skip(SSH) {
        return;
    }
    let network = Network::new().expect("a network");
    let run_id = network.run_id().clone();
    let folder = network.workspace().folder().to_path_buf();
    let endpoint = Endpoint::start(&network, "laptop", 20).expect("an endpoint");
    assert_eq!(namespaces_of(&run_id).expect("ip").is_empty(), !network.isolated());
    assert!(!processes_of(&run_id).expect("/proc").is_empty());
    drop((endpoint, network));
    assert_traceless(&run_id, &folder);
}

#[test]
fn nothing_is_left_after_a_panic() {
    if !require_or_skip(SSH) {
        return;
    }
    let network = Network::new().expect("a network");
    let run_id = network.run_id().clone();
    let folder = network.workspace().folder().to_path_buf();
    let panicked = std::thread::spawn(move || {
        let _endpoint = Endpoint::start(&network, "laptop", 20).expect("an endpoint");
        panic!("on purpose");
    });
    assert!(panicked.join().is_err());
    assert_traceless(&run_id, &folder);
}

#[test]
fn a_machine_with_systemd_keeps_off_the_kernel_and_leaves_nothing_behind() {
    if let Some(why) = Host::no_systemd() {
        acceptance::skip_or_fail(&why);
        return;
    }
    let network = Network::new().expect("a network");
    if !network.isolated() {
        acceptance::skip_or_fail("without namespaces hosts are this machine");
        return;
    }
    let (run_id, folder) = (network.run_id().clone(), network.workspace().folder().to_path_buf());
    let begun = Instant::now();
    let mut host = Host::start_with_systemd(&network, "boots", 33).expect("a host");
    println!("up after {:?}", begun.elapsed());
    assert!(host.run(&["readlink", "/proc/1/exe"]).expect("its first process").trim().ends_with("systemd"));
    assert_eq!(groups_of(&run_id.to_string()).len(), 1);
    // What belongs to the whole kernel is not its own to set, and this machine's control groups are not to be seen.
    let closed = "echo 1 >/proc/sys/fs/protected_symlinks || echo c >/proc/sysrq-trigger || touch /usr/bin/x";
    assert_ne!(host.try_run(&["sh", "-c", closed]).expect("sh").code, Some(0));
    let seen = host.run(&["cat", "/proc/1/cgroup"]).expect("its control group");
    assert!(seen.lines().any(|line| line == "0::/init.scope"), "{seen}");
    assert!(!host.run(&["ls", "/sys/fs/cgroup"]).expect("ls").contains("peerhound"));
    // A service that does not want to end ends with the machine.
    host.service(&["sh", "-c", "trap '' TERM; sleep 1000; sleep 1000"], Some(ALICE), "x.log")
        .expect("a service");
    drop(host);
    drop(network);
    assert_traceless(&run_id, &folder);
}

#[test]
fn nothing_is_left_after_the_kill_of_a_run_and_the_start_of_another() {
    let network = Network::new().expect("a network");
    if !network.isolated() {
        acceptance::skip_or_fail("without namespaces there is nothing to sweep");
        return;
    }
    let log = network.workspace().folder().join("held");
    let mut held = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "held", "--ignored", "--nocapture"])
        .stdout(std::fs::File::create(&log).expect("a log"))
        .spawn()
        .expect("this program again");
    let namespace = wait_until("the other run has its host", Duration::from_secs(30), || {
        let said = std::fs::read_to_string(&log)?;
        Ok(said.lines().find_map(|line| line.strip_prefix("held ")).map(str::to_owned))
    });
    held.kill().expect("kill");
    held.wait().expect("wait");
    let namespace = namespace.expect("a namespace");
    let inside = || Ok(run(&["ip", "netns", "pids", &namespace])?.stdout.is_empty().then_some(()));
    wait_until("its processes end by themselves", Duration::from_secs(30), inside).expect("no process");
    sweep().expect("swept");
    let listed = run(&["ip", "netns", "list"]).expect("ip").stdout;
    let name = namespace.strip_suffix("-held").expect("the name of a run");
    assert!(!listed.contains(name), "{listed}");
    assert_eq!(groups_of(name), Vec::<String>::new());
}

#[test]
#[ignore = "the run that the test above kills"]
fn held() {
    let network = Network::new().expect("a network");
    let _host = Host::start(&network, "held", 40).expect("a host");
    let boots = network.isolated() && Host::no_systemd().is_none();
    let _other = boots.then(|| Host::start_with_systemd(&network, "boots", 41).expect("a host"));
    println!("held {}-held", network.run_id());
    std::thread::sleep(Duration::from_mins(1));
}

fn assert_traceless(run_id: &acceptance::RunId, folder: &std::path::Path) {
    let name = run_id.to_string();
    assert_eq!(namespaces_of(run_id).expect("ip"), Vec::<String>::new());
    assert_eq!(groups_of(&name), Vec::<String>::new());
    let ended = wait_until("no process of the run is left", Duration::from_secs(30), || {
        Ok(processes_of(run_id)?.is_empty().then_some(()))
    });
    assert!(ended.is_ok(), "{:?}", processes_of(run_id));
    let mounts = run(&["cat", "/proc/self/mountinfo"]).expect("mounts").stdout;
    assert!(!mounts.contains(&name), "{mounts}");
    assert!(!folder.exists(), "{}", folder.display());
}
