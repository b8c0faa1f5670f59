//! What holds for every decision: an accept and a reply are written once, whatever comes in whatever order; nothing goes back.

use proptest::prelude::*;

use super::*;
use crate::domain::ids::{AccountId, CampaignId, EnrollmentId};

const NOW: i64 = 1_777_734_846_000;
const DAY: i64 = 86_400_000;

fn time() -> impl Strategy<Value = Timestamp> {
    // Years ago, around the invite, in the future, before LinkedIn.
    prop_oneof![
        8 => (NOW - 40 * DAY..NOW).prop_map(Timestamp),
        1 => (NOW..NOW + 40 * DAY).prop_map(Timestamp),
        1 => any::<i64>().prop_map(Timestamp),
    ]
}

fn one_of<T: Copy + std::fmt::Debug + 'static>(all: &'static [T]) -> impl Strategy<Value = T> {
    proptest::sample::select(all)
}

prop_compose! {
    fn claim()(
        at in proptest::option::of(time()),
        precision in one_of(Precision::ALL),
        reply in any::<bool>(),
        status in proptest::option::of(one_of(Status::ALL)),
        presumes_connection in any::<bool>(),
    ) -> Claim {
        Claim { at, precision, reply, status, presumes_connection, only_if_note: None, preview: None }
    }
}

prop_compose! {
    fn enrollment()(
        status in one_of(&[Status::Pending, Status::ConnectionSent, Status::Opportunity, Status::NotInterested, Status::Done]),
        invited in proptest::option::of((NOW - 40 * DAY..NOW).prop_map(Timestamp)),
        met_later in any::<bool>(),
    ) -> Enrollment {
        let id = EnrollmentId::parse("enr").expect("an id");
        let account = AccountId::parse("acc").expect("an id");
        let mut e = Enrollment::new(id, account, CampaignId::unassigned(), Timestamp(NOW - 20 * DAY));
        e.status = status;
        e.invite.at = invited;
        e.first_seen_after_accept = met_later;
        e
    }
}

fn campaign() -> CampaignFacts {
    CampaignFacts {
        name: None,
        status: CampaignStatus::Running,
        accept_window_ms: Some(10 * DAY),
        schedule: None,
        daily_cap: None,
    }
}

/// Decides and writes down, as the stamp does.
fn after(e: &Enrollment, source: Source, claim: &Claim, now: Timestamp) -> (Enrollment, Decision) {
    let decision = decide(&Case {
        enrollment: e,
        campaign: &campaign(),
        source,
        received_at: now,
        claim,
        path: None,
        via_sibling: false,
        announce_within: Duration::from_secs(7 * 86_400),
        now,
    });
    let mut e = e.clone();
    e.accept = e.accept.or_else(|| decision.accept.clone());
    e.replied_at = e.replied_at.or(decision.replied_at);
    e.status = decision.status;
    e.status_at = decision.status_at;
    (e, decision)
}

fn set_by_people(status: Status) -> bool {
    !status.needs_accept() && !status.needs_no_accept()
}

proptest! {
    #[test]
    fn the_first_wins_in_every_order(
        e in enrollment(),
        claims in proptest::collection::vec((one_of(Source::ALL), claim()), 1..6).prop_shuffle(),
    ) {
        let mut now = e;
        let mut accepts = 0;
        let mut replies = 0;
        for (i, (source, claim)) in claims.iter().enumerate() {
            let before = now.clone();
            let at = Timestamp(NOW + i64::try_from(i).expect("few"));
            let (next, decision) = after(&now, *source, claim, at);
            accepts += usize::from(decision.accept.is_some());
            replies += usize::from(decision.replied_at.is_some());
            // It is accepted by the first, and keeps what the first said.
            prop_assert_eq!(decision.accept.is_some(), i == 0);
            if before.accept.is_some() {
                prop_assert_eq!(&next.accept, &before.accept);
            }
            if before.replied_at.is_some() {
                prop_assert_eq!(next.replied_at, before.replied_at);
            }
            // Nothing goes back, and the database would take it.
            prop_assert!(next.status.rank() >= before.status.rank());
            prop_assert!(next.status_at >= before.status_at);
            prop_assert!(!next.status.needs_no_accept());
            if set_by_people(before.status) && !claim.status.is_some_and(set_by_people) {
                prop_assert_eq!(next.status, before.status);
            }
            now = next;
        }
        prop_assert_eq!(accepts, 1);
        prop_assert_eq!(replies, usize::from(claims.iter().any(|(_, c)| c.reply)));
    }

    #[test]
    fn accept_and_reply_do_not_depend_on_the_order(
        e in enrollment(),
        claims in proptest::collection::vec((one_of(Source::ALL), claim()), 1..6),
    ) {
        // What a person set last stays set last; without such words the end is one, whatever the order.
        let claims: Vec<_> = claims
            .into_iter()
            .map(|(source, claim)| {
                let status = claim.status.filter(|s| !set_by_people(*s));
                (source, Claim { status, ..claim })
            })
            .collect();
        let end = |claims: &mut dyn Iterator<Item = &(Source, Claim)>| {
            let e = claims.fold(e.clone(), |e, (source, claim)| after(&e, *source, claim, Timestamp(NOW)).0);
            (e.accept.is_some(), e.replied_at.is_some(), e.status)
        };
        prop_assert_eq!(end(&mut claims.iter()), end(&mut claims.iter().rev()));
    }

    #[test]
    fn twice_is_once(e in enrollment(), source in one_of(Source::ALL), claim in claim()) {
        let (once, _) = after(&e, source, &claim, Timestamp(NOW));
        let (twice, again) = after(&once, source, &claim, Timestamp(NOW + DAY));
        prop_assert!(!again.stamps());
        prop_assert_eq!(twice, once);
    }

    // A signal that waited for its enrollment says what it would have said at once.
    #[test]
    fn a_time_is_judged_by_when_it_came(e in enrollment(), source in one_of(Source::ALL), claim in claim(), waited in 0..7 * DAY) {
        let campaign = campaign();
        let case = Case {
            enrollment: &e,
            campaign: &campaign,
            source,
            received_at: Timestamp(NOW),
            claim: &claim,
            path: None,
            via_sibling: false,
            announce_within: Duration::from_secs(7 * 86_400),
            now: Timestamp(NOW),
        };
        let late = Case { now: Timestamp(NOW + waited), ..case };
        let told = |case: &Case<'_>| decide(case).accept.map(|a| (a.at, a.precision, a.pre_connected, a.late));
        prop_assert_eq!(told(&late), told(&case));
        prop_assert_eq!(decide(&late).replied_at, decide(&case).replied_at);
    }

    #[test]
    fn the_time_of_an_accept_is_always_one_that_can_be(
        e in enrollment(), source in one_of(Source::ALL), claim in claim(),
    ) {
        let (e, _) = after(&e, source, &claim, Timestamp(NOW));
        let accept = e.accept.clone().expect("the first stamps");
        prop_assert!(accept.at.plausible(Timestamp(NOW)).is_some());
        let own = claim.at.and_then(|at| at.plausible(Timestamp(NOW)));
        prop_assert_eq!(accept.at, own.unwrap_or(Timestamp(NOW)));
        if own.is_none() {
            prop_assert!(accept.precision != Precision::Exact);
        }
        if accept.pre_connected {
            prop_assert_eq!(e.seconds_to_accept(), None);
        }
        prop_assert!(e.seconds_to_accept().is_none_or(|s| s >= 0));
    }
}
