//! LinkedIn ids that hold up: the layout of the real ones, around any member number.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

/// A profile id, `ACo…`.
#[must_use]
pub fn profile_id(member_number: u64) -> String {
    encode(0x002A, member_number)
}

/// A Sales Navigator id of the same member, `ACw…`.
#[must_use]
pub fn sales_id(member_number: u64) -> String {
    encode(0x002C, member_number)
}

/// A Recruiter id of the same member, `AEM…`.
#[must_use]
pub fn recruiter_id(member_number: u64) -> String {
    encode(0x0043, member_number)
}

/// Two bytes tag, six bytes number, `0x01`, and a tail of twenty bytes that differs between the kinds, so that no kind can be
/// made from another.
fn encode(tag: u16, member_number: u64) -> String {
    let mut bytes = Vec::with_capacity(29);
    bytes.extend(tag.to_be_bytes());
    bytes.extend(&member_number.to_be_bytes()[2..]);
    bytes.push(1);
    let mut mixed = member_number ^ (u64::from(tag) << 48);
    while bytes.len() < 29 {
        // SplitMix64: the tail has to look like one, and to be the same every time.
        mixed = mixed.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut word = mixed;
        word = (word ^ (word >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        let left = 29 - bytes.len();
        bytes.extend(&(word ^ (word >> 31)).to_be_bytes()[..left.min(8)]);
    }
    URL_SAFE_NO_PAD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_kind_has_its_prefix_and_length() {
        for number in [1, 731_204_558, (1 << 46) - 1] {
            for (id, prefix) in [
                (profile_id(number), "ACo"),
                (sales_id(number), "ACw"),
                (recruiter_id(number), "AEM"),
            ] {
                assert!(id.starts_with(prefix) && id.len() == 39, "{id}");
            }
        }
    }
}
