//! The resolver against a name server that answers, fails, hangs or truncates its answers.

use std::net::IpAddr;
use std::time::{Duration, Instant};

use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::RecordType;

use crate::name_server_support::{Answer, NameServer};

/// Longer than any look-up takes.
const PATIENCE: Duration = Duration::from_secs(20);

fn ips(texts: &[&str]) -> Vec<IpAddr> {
    texts
        .iter()
        .map(|ip| ip.parse().expect("an address"))
        .collect()
}

#[tokio::test]
async fn every_kind_of_answer_is_read() {
    let server = NameServer::start().await;
    let names = server.names();
    server.say(
        "both.test",
        Answer::Addresses(ips(&["2001:db8::1", "10.0.0.1", "10.0.0.2"])),
    );
    server.say("six.test", Answer::address("2001:db8::6"));
    server.say("long.test", Answer::OverTcp(ips(&["10.0.0.3"])));
    server.say("none.test", Answer::Addresses(vec![]));
    server.say("broken.test", Answer::Code(ResponseCode::ServFail));
    server.say("refused.test", Answer::Code(ResponseCode::Refused));
    for (name, wanted) in [
        ("both.test", ips(&["10.0.0.1", "10.0.0.2", "2001:db8::1"])),
        ("six.test", ips(&["2001:db8::6"])),
        ("long.test", ips(&["10.0.0.3"])),
        ("BOTH.test.", ips(&["10.0.0.1", "10.0.0.2", "2001:db8::1"])),
    ] {
        let found = names.lookup(name, PATIENCE).await.expect(name);
        assert_eq!(found.to_vec(), wanted, "{name}");
    }
    for (name, why) in [
        ("nobody.test", "no such name"),
        ("none.test", "no such name, or it has no address"),
        ("broken.test", "SERVFAIL"),
        ("refused.test", "REFUSED"),
    ] {
        let error = names
            .lookup(name, PATIENCE)
            .await
            .expect_err(name)
            .to_string();
        let start = format!("the name {name} could not be resolved: ");
        assert!(error.starts_with(&start) && error.contains(why), "{error}");
    }
}

#[tokio::test]
async fn a_silent_name_is_given_up_and_a_silent_family_not_awaited() {
    let server = NameServer::start().await;
    let names = server.names();
    server.say("dead.test", Answer::Silence);
    server.say("four.test", Answer::SilentAboutIpv6(ips(&["10.0.0.4"])));
    let begun = Instant::now();
    let found = names
        .lookup("four.test", PATIENCE)
        .await
        .expect("an address");
    assert_eq!(found.to_vec(), ips(&["10.0.0.4"]));
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );

    let begun = Instant::now();
    let error = names
        .lookup("dead.test", PATIENCE)
        .await
        .expect_err("silence");
    assert!(
        error
            .to_string()
            .contains("no name server answered in time (127.0.0.1)"),
        "{error}"
    );
    assert!(
        begun.elapsed() < Duration::from_secs(8),
        "{:?}",
        begun.elapsed()
    );

    let begun = Instant::now();
    let patience = Duration::from_millis(200);
    let error = names
        .lookup("dead.test", patience)
        .await
        .expect_err("silence");
    assert!(
        error
            .to_string()
            .contains("no name server answered in time"),
        "{error}"
    );
    assert!(
        begun.elapsed() < Duration::from_secs(1),
        "{:?}",
        begun.elapsed()
    );
}

/// More names than there are places for look-ups, all dead, and one that is not.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_names_delay_no_other() {
    let server = NameServer::start().await;
    let names = server.names();
    server.say("alive.test", Answer::address("10.0.0.1"));
    let mut dead = tokio::task::JoinSet::new();
    for n in 0..400 {
        let name = format!("dead-{n}.test");
        server.say(&name, Answer::Silence);
        let names = names.clone();
        dead.spawn(async move { names.lookup(&name, PATIENCE).await });
    }
    tokio::time::sleep(Duration::from_millis(100)).await;
    let begun = Instant::now();
    while begun.elapsed() < Duration::from_secs(5) {
        let one = Instant::now();
        let found = names
            .lookup("alive.test", PATIENCE)
            .await
            .expect("an address");
        assert_eq!(found.to_vec(), ips(&["10.0.0.1"]));
        assert!(
            one.elapsed() < Duration::from_secs(3),
            "{:?}",
            one.elapsed()
        );
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    while let Some(ended) = dead.join_next().await {
        assert!(ended.expect("no panic").is_err());
    }
}

#[tokio::test]
async fn a_name_is_looked_up_once_for_all_who_ask() {
    let server = NameServer::start().await;
    let names = server.names();
    server.say("dead.test", Answer::Silence);
    let asking = (0..50).map(|_| names.lookup("dead.test", PATIENCE));
    let ended = futures_util::future::join_all(asking).await;
    assert!(ended.iter().all(Result::is_err));
    let questions = server
        .asked()
        .iter()
        .filter(|(_, kind)| *kind == RecordType::A)
        .count();
    // The resolver asks again when there is no answer.
    assert!((1..=20).contains(&questions), "{questions}");
}

#[tokio::test]
async fn the_files_are_read_again_when_they_change() {
    let server = NameServer::start().await;
    let names = server.names();
    std::fs::write(
        server.hosts(),
        "10.1.1.1 crm.test CRM\nfd00::9 crm.test\nnonsense\n",
    )
    .expect("writable");
    server.say("crm.test", Answer::address("10.9.9.9"));
    server.say("hook.corp.test", Answer::address("10.2.2.2"));
    let found = names
        .lookup("CRM.test", PATIENCE)
        .await
        .expect("in the file");
    assert_eq!(found.to_vec(), ips(&["10.1.1.1", "fd00::9"]));
    assert_eq!(
        names
            .lookup("crm", PATIENCE)
            .await
            .expect("in the file")
            .len(),
        1
    );
    assert_eq!(server.asked(), []);
    assert!(names.lookup("hook", PATIENCE).await.is_err());

    std::fs::write(server.hosts(), "# empty\n").expect("writable");
    server.configure("search other.test corp.test");
    until(async || {
        let crm = names
            .lookup("crm.test", PATIENCE)
            .await
            .map(|found| found.to_vec());
        let hook = names
            .lookup("hook", PATIENCE)
            .await
            .map(|found| found.to_vec());
        crm == Ok(ips(&["10.9.9.9"])) && hook == Ok(ips(&["10.2.2.2"]))
    })
    .await;

    std::fs::remove_file(server.resolv_conf()).expect("the file");
    until(async || {
        let error = names
            .lookup("crm.test", PATIENCE)
            .await
            .err()
            .map(|error| error.to_string());
        let file = server.resolv_conf().display().to_string();
        error.is_some_and(|error| error.contains(&file) && error.contains("can't be read"))
    })
    .await;
    server.configure("");
    until(async || names.lookup("crm.test", PATIENCE).await.is_ok()).await;
}

/// A program that falls back to public name servers would tell strangers what it calls.
#[tokio::test]
async fn without_a_name_server_the_file_is_named_and_nobody_is_asked() {
    let server = NameServer::start().await;
    for text in ["", "search corp.test\n", "nameserver nonsense\n"] {
        std::fs::write(server.resolv_conf(), text).expect("writable");
        let names = server.names();
        let begun = Instant::now();
        let error = names
            .lookup("crm.test", PATIENCE)
            .await
            .expect_err(text)
            .to_string();
        let file = server.resolv_conf().display().to_string();
        assert!(
            error.contains(&file) && error.contains("nameserver ADDRESS"),
            "{error}"
        );
        assert!(
            begun.elapsed() < Duration::from_secs(1),
            "{:?}",
            begun.elapsed()
        );
        for name in ["localhost", "hooks.localhost", "LOCALHOST."] {
            let found = names.lookup(name, PATIENCE).await.expect(name);
            assert_eq!(found.to_vec(), ips(&["127.0.0.1", "::1"]));
        }
    }
    assert_eq!(server.asked(), []);
}

async fn until(holds: impl AsyncFn() -> bool) {
    let end = Instant::now() + PATIENCE;
    while !holds().await {
        assert!(Instant::now() < end, "the change is not seen");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
