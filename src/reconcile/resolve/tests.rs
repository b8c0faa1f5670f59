//! What holds for every tie of a person to an enrollment: the strongest path wins, and nobody is taken for somebody else.

use proptest::prelude::*;

use super::*;
use crate::domain::ids::{CampaignId, EnrollmentId};
use crate::domain::time::Timestamp;

/// Few values of each kind, so that they meet.
fn identity() -> impl Strategy<Value = Identity> {
    let number = || proptest::option::of(1..4_i64);
    let id =
        |kind: &'static str| proptest::option::of((1..4).prop_map(move |n| format!("{kind}{n}")));
    (id("P"), number(), id("S"), number(), id("slug-")).prop_map(
        |(provider_id, member_number, sales_id, sales_number, public_identifier)| Identity {
            provider_id,
            // One person has one number, however often it is told.
            sales_number: sales_id.as_ref().and(member_number.or(sales_number)),
            member_number,
            sales_id,
            public_identifier,
        },
    )
}

prop_compose! {
    fn enrollment()(
        identity in identity(),
        invited in proptest::option::of((1..4).prop_map(|n| format!("P{n}"))),
        number in proptest::option::of(1..4_i64),
    ) -> Enrollment {
        let id = EnrollmentId::parse("enr").expect("an id");
        let account = AccountId::parse("acc").expect("an id");
        let mut e = Enrollment::new(id, account, CampaignId::unassigned(), Timestamp(0));
        e.identity = identity;
        e.invite.number = invited.as_ref().and(number);
        e.invite.provider_id = invited;
        e
    }
}

fn ids(person: &Identity) -> Vec<&String> {
    person.provider_id.iter().chain(&person.sales_id).collect()
}

proptest! {
    #[test]
    fn the_strongest_path_wins(e in enrollment(), person in identity()) {
        let named = |id: &Option<String>, number: Option<i64>| {
            id.as_ref().is_some_and(|id| ids(&person).contains(&id))
                || number.is_some_and(|n| person.numbers().any(|p| p == n))
        };
        let own = &e.identity;
        let expected = if named(&e.invite.provider_id, e.invite.number) {
            Some(Path::Bridge)
        } else if named(&own.provider_id, own.member_number) {
            Some(Path::Direct)
        } else if named(&own.sales_id, own.sales_number) {
            Some(Path::SalesNav)
        } else {
            None
        };
        let found = path(&e, &person);
        if expected.is_some() {
            prop_assert_eq!(found, expected);
        } else {
            prop_assert!(found.is_none() || found == Some(Path::Profile));
        }
    }

    #[test]
    fn a_shared_name_is_not_enough_where_the_numbers_differ(mut e in enrollment(), mut person in identity()) {
        for who in [&mut e.identity, &mut person] {
            who.public_identifier = Some("slug".to_owned());
        }
        if let (Some(a), Some(b)) = (e.identity.number(), person.number())
            && a != b
            && path(&e, &person) == Some(Path::Profile)
        {
            prop_assert!(false, "{e:?} is not {person:?}");
        }
        // And it is enough where no number is known that could differ.
        let stranger = Identity { public_identifier: Some("slug".to_owned()), ..Identity::default() };
        prop_assert_eq!(path(&e, &stranger), Some(Path::Profile));
    }

    #[test]
    fn a_path_is_a_tie_of_the_person(e in enrollment(), person in identity()) {
        // Without the invite, a path is there exactly for the same person.
        let mut e = e;
        e.invite = crate::domain::enrollment::Invite::default();
        prop_assert_eq!(path(&e, &person).is_some(), e.identity.same_person(&person));
        prop_assert_eq!(path(&e, &Identity::default()), None);
    }
}
