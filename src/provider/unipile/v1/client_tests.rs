//! Tests of the client against the simulated Unipile over real sockets. They are unit tests because only this module can make a permit.

use std::time::Duration;

use secrecy::SecretString;

use super::UnipileV1;
use crate::clock::Clock;
use crate::domain::ids::AccountId;
use crate::domain::time::Timestamp;
use crate::provider::answers::{Profile, RelationsPage};
use crate::provider::{CallError, Permit, ProviderApi};
use crate::sim::{Fault, Member, Route, Rule, Settings, Sim};

const NOW: Timestamp = Timestamp(1_777_734_846_000);

struct World {
    sim: Sim,
    client: UnipileV1,
    clock: Clock,
}

impl World {
    async fn new() -> Self {
        Self::with(Duration::from_secs(20), "simulated-key").await
    }

    async fn with(timeout: Duration, key: &str) -> Self {
        let clock = Clock::by_hand(NOW);
        let sim = Sim::start(clock.clone(), Settings::default())
            .await
            .expect("a free port");
        sim.add_account("acc_1", Member::made_up(402_117_733));
        sim.add_connections(
            "acc_1",
            (0..5).map(|n| {
                (
                    Member::made_up(1_000 + n),
                    NOW.minus(Duration::from_secs(n * 60)),
                )
            }),
        );
        let base = url::Url::parse(&sim.base_url()).expect("an address");
        let key = SecretString::from(key);
        let client = UnipileV1::new(&base, key, timeout, clock.clone()).expect("a client");
        Self { sim, client, clock }
    }

    fn permit(&self) -> Permit {
        permit("acc_1", &self.clock)
    }

    async fn relations(&self) -> Result<RelationsPage, CallError> {
        let read = self.client.relations(self.permit(), None, 100).await;
        read.map(|answer| answer.value)
    }

    async fn profile(&self, identifier: &str) -> Result<Profile, CallError> {
        let read = self.client.profile(self.permit(), identifier, false).await;
        read.map(|answer| answer.value)
    }

    /// What becomes of a list call that meets a fault.
    async fn meets(&self, fault: Fault) -> CallError {
        self.sim.inject(Rule::once(fault));
        self.relations().await.expect_err("a fault")
    }
}

fn permit(account: &str, clock: &Clock) -> Permit {
    let account = AccountId::parse(account).expect("an account id");
    Permit::new(account, clock.clone(), clock.steady())
}

#[tokio::test]
async fn the_list_is_read_page_by_page() {
    let world = World::new().await;
    let first = world
        .client
        .relations(world.permit(), None, 3)
        .await
        .expect("a page");
    assert_eq!(first.value.items.len(), 3);
    assert_eq!(first.value.items[0].created_at, Some(NOW));
    let member = Member::made_up(1_000);
    let person = &first.value.items[0].person;
    assert_eq!(person.identity.provider_id, Some(member.provider_id()));
    assert_eq!(person.identity.public_identifier, Some(member.slug.clone()));
    assert_eq!(person.name, Some(member.full_name()));
    let cursor = first.value.cursor.expect("a cursor");
    let second = world
        .client
        .relations(world.permit(), Some(&cursor), 3)
        .await
        .expect("a page");
    assert_eq!(second.value.items.len(), 2);
    assert_eq!(second.value.cursor, None);
    assert_eq!(second.value.unusable, 0);
}

#[tokio::test]
async fn statuses_and_types_are_told_apart() {
    let world = World::new().await;
    let disconnected = |status, kind: &str| CallError::Disconnected {
        status,
        kind: Some(format!("errors/{kind}")),
    };
    let provider = |status, kind: &str| CallError::Provider {
        status,
        kind: Some(format!("errors/{kind}")),
        retry_after: None,
    };
    for (status, kind, wanted) in [
        (
            401,
            "disconnected_account",
            disconnected(401, "disconnected_account"),
        ),
        (401, "unheard_of", disconnected(401, "unheard_of")),
        (
            403,
            "account_restricted",
            disconnected(403, "account_restricted"),
        ),
        (
            404,
            "resource_not_found",
            disconnected(404, "resource_not_found"),
        ),
        (500, "provider_error", provider(500, "provider_error")),
        (501, "not_implemented", provider(501, "not_implemented")),
        (503, "no_client_session", provider(503, "no_client_session")),
        (504, "request_timeout", provider(504, "request_timeout")),
    ] {
        assert_eq!(world.meets(Fault::error(status, kind)).await, wanted);
    }
}

#[tokio::test]
async fn retry_after_is_read_in_seconds_and_in_every_form_of_a_date() {
    let world = World::new().await;
    let after = |seconds| Some(Duration::from_secs(seconds));
    assert_eq!(
        world.meets(Fault::throttled(Some(90))).await.retry_after(),
        after(90)
    );
    assert_eq!(
        world.meets(Fault::throttled(None)).await,
        CallError::Throttled { retry_after: None }
    );
    for (value, wanted) in [
        ("Sat, 02 May 2026 15:24:06 GMT", after(600)),
        ("Saturday, 02-May-26 15:24:06 GMT", after(600)),
        ("Sat May  2 15:24:06 2026", after(600)),
        ("Sat, 02 May 2020 15:24:06 GMT", None),
        ("soon", None),
        ("99999999999", after(7 * 86_400)),
        ("99999999999999999999999", after(7 * 86_400)),
        ("-5", None),
    ] {
        let fault = Fault::Error {
            status: 503,
            kind: "network_down".to_owned(),
            detail: String::new(),
            retry_after: Some(value.to_owned()),
        };
        assert_eq!(world.meets(fault).await.retry_after(), wanted, "{value}");
    }
}

#[tokio::test]
async fn a_wrong_key_is_not_a_broken_account_and_is_never_shown() {
    let world = World::with(Duration::from_secs(20), "another-key").await;
    let error = world.relations().await.expect_err("a refusal");
    assert!(matches!(error, CallError::WrongKey { .. }), "{error}");
    for text in [
        format!("{error}"),
        format!("{error:?}"),
        format!("{:?}", world.client),
    ] {
        assert!(!text.contains("another-key"), "{text}");
    }
}

#[tokio::test]
async fn bodies_that_are_not_what_they_should_be() {
    let world = World::new().await;
    for fault in [
        Fault::HtmlBody,
        Fault::WrongType,
        Fault::RedirectTo("/somewhere".to_owned()),
    ] {
        let error = world.meets(fault.clone()).await;
        assert!(
            matches!(error, CallError::InvalidResponse(_)),
            "{fault:?}: {error}"
        );
    }
}

#[tokio::test]
async fn a_connection_that_is_cut() {
    let world = World::new().await;
    for fault in [Fault::CutHead, Fault::CutBody] {
        let error = world.meets(fault.clone()).await;
        assert!(
            matches!(error, CallError::Unreachable { written: true, .. }),
            "{fault:?}: {error}"
        );
    }
    assert_eq!(world.sim.calls().len(), 2, "no call is repeated");
}

#[tokio::test]
async fn nobody_listens() {
    let world = World::new().await;
    let (client, clock) = (world.client.clone(), world.clock.clone());
    drop(world.sim);
    tokio::task::yield_now().await;
    let error = loop {
        match client.relations(permit("acc_1", &clock), None, 1).await {
            // The listener may take a moment to go.
            Ok(_) | Err(CallError::Unreachable { written: true, .. }) => {}
            Err(error) => break error,
        }
    };
    assert!(
        matches!(error, CallError::Unreachable { written: false, .. }),
        "{error}"
    );
}

#[tokio::test]
async fn slow_answers_end_in_time() {
    let world = World::with(Duration::from_millis(300), "simulated-key").await;
    for fault in [
        Fault::SlowHead(Duration::from_secs(60)),
        Fault::SlowBody(Duration::from_secs(60)),
    ] {
        assert_eq!(world.meets(fault).await, CallError::TimedOut);
    }
    assert_eq!(world.clock.now(), NOW);
}

#[tokio::test]
async fn a_refused_cursor_means_to_start_over() {
    let world = World::new().await;
    let error = world
        .client
        .relations(world.permit(), Some("b2xk"), 100)
        .await
        .map(drop)
        .expect_err("a refusal");
    assert_eq!(error, CallError::CursorExpired { status: 400 });
}

#[tokio::test]
async fn a_profile_says_whether_the_two_are_connected() {
    let world = World::new().await;
    let friend = Member::made_up(1_000);
    for identifier in [friend.slug.clone(), friend.provider_id()] {
        let profile = world.profile(&identifier).await.expect("a profile");
        assert!(profile.is_connected());
        assert_eq!(profile.person.identity.member_number, Some(1_000));
    }
    let stranger = world.sim.add_member(Member::made_up(9));
    let profile = world
        .profile(&Member::made_up(stranger).slug)
        .await
        .expect("a profile");
    assert!(!profile.is_connected());
    assert_eq!(
        world.profile("nobody-at-all").await,
        Err(CallError::NotFound)
    );
}

#[tokio::test]
async fn a_missing_profile_is_not_a_missing_account() {
    let world = World::new().await;
    let not_found = |detail: &str| Fault::Error {
        status: 404,
        kind: "resource_not_found".to_owned(),
        detail: detail.to_owned(),
        retry_after: None,
    };
    world
        .sim
        .inject(Rule::once(not_found("User not found")).on(Route::Profile));
    assert_eq!(world.profile("mira").await, Err(CallError::NotFound));
    let gone = world
        .client
        .profile(permit("acc_gone", &world.clock), "mira", false)
        .await;
    assert!(
        matches!(gone, Err(CallError::Disconnected { status: 404, .. })),
        "{gone:?}"
    );
}

#[tokio::test]
async fn the_slashed_path_is_a_call_of_its_own() {
    let world = World::new().await;
    world.sim.set(|settings| settings.redirect_profiles = true);
    let slug = Member::made_up(1_000).slug;
    assert_eq!(world.profile(&slug).await, Err(CallError::Redirect));
    assert_eq!(
        world.sim.calls().len(),
        1,
        "the client follows nothing by itself"
    );
    let profile = world.client.profile(world.permit(), &slug, true).await;
    assert!(profile.expect("a profile").value.is_connected());
    for elsewhere in [
        "http://127.0.0.1:1/api/v1/users/mira/",
        "/api/v1/users/me/",
        "/api/v1/users/mira",
    ] {
        world
            .sim
            .inject(Rule::once(Fault::RedirectTo(elsewhere.to_owned())));
        let error = world.profile("mira").await.expect_err("a redirect");
        assert!(
            matches!(error, CallError::InvalidResponse(_)),
            "{elsewhere}: {error}"
        );
    }
}

#[tokio::test]
async fn a_route_is_never_asked_for_as_a_person() {
    let world = World::new().await;
    for identifier in ["me", "relations", "Invite", "..", "a/b", ""] {
        assert_eq!(
            world.profile(identifier).await,
            Err(CallError::NotFound),
            "{identifier}"
        );
    }
    assert_eq!(world.sim.calls(), []);
}

#[tokio::test]
async fn a_call_later_than_a_second_after_its_permit_is_not_made() {
    let world = World::new().await;
    let late = world.permit();
    world.clock.advance(Duration::from_millis(1_000));
    let read = world.client.relations(late, None, 100).await;
    assert_eq!(read.map(drop), Err(CallError::NotMade));
    let late = world.permit();
    world.clock.advance(Duration::from_millis(1_001));
    let read = world.client.profile(late, "mira", false).await;
    assert_eq!(read.map(drop), Err(CallError::NotMade));
    assert_eq!(world.sim.calls(), []);

    // A step of what the clock shows is no time.
    let permit = world.permit();
    world.clock.set(NOW.plus(Duration::from_secs(86_400)));
    world.clock.advance(Duration::from_millis(999));
    let read = world.client.relations(permit, None, 100).await;
    assert!(read.is_ok());
}

#[tokio::test]
async fn a_connection_that_does_not_come_up_delays_no_call() {
    // It accepts, and says nothing: the handshake of TLS never ends.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0")
        .await
        .expect("a port");
    let address = silent.local_addr().expect("an address");
    let clock = Clock::system();
    let base = url::Url::parse(&format!("https://{address}")).expect("an address");
    let key = SecretString::from("simulated-key");
    let client =
        UnipileV1::new(&base, key, Duration::from_millis(2_400), clock.clone()).expect("a client");
    let began = std::time::Instant::now();
    let read = client.relations(permit("acc_1", &clock), None, 100).await;
    let error = read.map(drop).expect_err("no connection");
    assert!(
        matches!(error, CallError::Unreachable { written: false, .. }),
        "{error}"
    );
    assert!(began.elapsed() < Duration::from_secs(5), "{error}");
}

#[tokio::test]
async fn a_connection_that_comes_up_too_late_carries_no_call() {
    let world = World::new().await;
    let clock = world.clock.clone();
    let late = permit("acc_1", &clock);
    let read = world.client.relations(late, None, 100);
    tokio::pin!(read);
    // The request is being made when time goes by: the connection is not up yet.
    assert!(futures_util::poll!(&mut read).is_pending());
    clock.advance(Duration::from_secs(2));
    assert_eq!(read.await.map(drop), Err(CallError::NotMade));
    assert_eq!(world.sim.calls(), []);
}
