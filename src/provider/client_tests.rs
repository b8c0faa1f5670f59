//! The client against the simulated Unipile, over real sockets: every answer and every fault, judged. In here and not among the
//! integration tests because a permit can be made nowhere else.

use std::time::Duration;

use secrecy::SecretString;

use super::{CallError, Permit, Unipile};
use crate::clock::Clock;
use crate::domain::ids::AccountId;
use crate::domain::time::Ms;
use crate::sim::{Fault, Member, Route, Rule, Settings, Sim};

const NOW: Ms = Ms(1_777_734_846_000);

struct World {
    sim: Sim,
    client: Unipile,
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
        let client = Unipile::new(&base, key, timeout, clock.clone()).expect("a client");
        Self { sim, client, clock }
    }

    async fn relations(&self) -> Result<super::types::RelationsPage, CallError> {
        self.client.relations(permit("acc_1"), None, 100).await
    }

    async fn profile(&self, identifier: &str) -> Result<super::types::Profile, CallError> {
        self.client
            .profile(permit("acc_1"), identifier, false)
            .await
    }

    /// What becomes of a list call that meets a fault.
    async fn meets(&self, fault: Fault) -> CallError {
        self.sim.inject(Rule::once(fault));
        self.relations().await.expect_err("a fault")
    }
}

fn permit(account: &str) -> Permit {
    Permit::new(AccountId::parse(account).expect("an account id"))
}

#[tokio::test]
async fn the_list_is_read_page_by_page() {
    let world = World::new().await;
    let first = world
        .client
        .relations(permit("acc_1"), None, 3)
        .await
        .expect("a page");
    assert_eq!(first.items.len(), 3);
    assert_eq!(first.items[0].created_at, Some(NOW));
    let member = Member::made_up(1_000);
    let person = &first.items[0].person;
    assert_eq!(person.identity.provider_id, Some(member.provider_id()));
    assert_eq!(person.identity.public_identifier, Some(member.slug.clone()));
    assert_eq!(person.name, Some(member.full_name()));
    let cursor = first.cursor.expect("a cursor");
    let second = world
        .client
        .relations(permit("acc_1"), Some(&cursor), 3)
        .await
        .expect("a page");
    assert_eq!(second.items.len(), 2);
    assert_eq!(second.cursor, None);
    assert_eq!(second.unusable, 0);
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
        Fault::Garbage,
        Fault::WrongType,
        Fault::RedirectTo("/somewhere".to_owned()),
    ] {
        let error = world.meets(fault.clone()).await;
        assert!(matches!(error, CallError::Garbage(_)), "{fault:?}: {error}");
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
    let client = world.client.clone();
    drop(world.sim);
    tokio::task::yield_now().await;
    let error = loop {
        match client.relations(permit("acc_1"), None, 1).await {
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
        .relations(permit("acc_1"), Some("b2xk"), 100)
        .await
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
        .profile(permit("acc_gone"), "mira", false)
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
    let profile = world.client.profile(permit("acc_1"), &slug, true).await;
    assert!(profile.expect("a profile").is_connected());
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
            matches!(error, CallError::Garbage(_)),
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
