//! What the columns of a file mean: by hand, or by the names that exports give them.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::names::{NAMES, NEVER_A_PERSON, OBJECTS_OF_A_COMPANY, OBJECTS_OF_A_PERSON};

/// A field of an enrollment that a column can fill.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    strum::IntoStaticStr,
    strum::EnumString,
    strum::VariantArray,
)]
#[strum(serialize_all = "camelCase", ascii_case_insensitive)]
pub enum Field {
    /// The caller's own id of the enrollment.
    Id,
    /// The provider's id of the account that works the enrollment.
    AccountId,
    /// The id of the campaign.
    CampaignId,
    /// The name of the campaign.
    CampaignName,
    /// A URL or public identifier of the person.
    LinkedinUrl,
    /// A Sales Navigator or Recruiter URL or id.
    SalesUrl,
    /// A provider's id of the person.
    ProviderId,
    /// The full name.
    Name,
    /// Part of the name.
    FirstName,
    /// Part of the name.
    LastName,
    /// The headline or job title.
    Headline,
    /// The company.
    Company,
    /// When the invitation was sent.
    InvitedAt,
    /// The note of the invitation.
    Note,
}

impl Field {
    /// Its name in the API.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        self.into()
    }

    /// Whether it says who the person is.
    #[must_use]
    pub fn is_identity(self) -> bool {
        matches!(self, Self::LinkedinUrl | Self::SalesUrl | Self::ProviderId)
    }

    /// Whether it holds words, so that a placeholder may be meant.
    #[must_use]
    pub fn is_prose(self) -> bool {
        matches!(
            self,
            Self::Name
                | Self::FirstName
                | Self::LastName
                | Self::Headline
                | Self::Company
                | Self::Note
        )
    }
}

/// One `Header=field` of the caller. `None` leaves the column out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The header, in about any spelling.
    pub header: String,
    /// What the column fills.
    pub field: Option<Field>,
}

impl Mapping {
    /// Reads `Header=field`. The header itself may contain `=`. The field `ignore` leaves the column out.
    ///
    /// # Errors
    /// Returns what is wrong and which fields there are.
    pub fn parse(text: &str) -> Result<Self, String> {
        let (header, field) = text
            .rsplit_once('=')
            .ok_or_else(|| format!("{text:?} must look like \"Header=field\"."))?;
        let header = header.trim().to_owned();
        if header.is_empty() {
            return Err(format!("{text:?} names no header."));
        }
        let word: String = plain(field);
        if word == "ignore" {
            return Ok(Self {
                header,
                field: None,
            });
        }
        match word.parse() {
            Ok(field) => Ok(Self {
                header,
                field: Some(field),
            }),
            Err(_) => Err(format!(
                "{:?} is not a field. The fields are {} and ignore.",
                field.trim(),
                <Field as strum::VariantArray>::VARIANTS
                    .iter()
                    .map(|field| field.as_str())
                    .collect::<Vec<_>>()
                    .join(", ")
            )),
        }
    }
}

/// What a column means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// Its header as the file has it.
    pub header: String,
    /// What it fills; `None` if it is ignored.
    pub field: Option<Field>,
    /// Of several columns for one field, the one with the lowest rank counts first.
    pub rank: usize,
    /// Whether it may be taken for a LinkedIn column if its cells are URLs of people.
    pub may_be_a_person: bool,
}

impl Column {
    /// Reads a header.
    #[must_use]
    pub fn of(header: &str, mappings: &[Mapping]) -> Self {
        let header = header.trim_start_matches('\u{feff}').trim();
        let key = plain(header);
        let by_hand = |m: &&Mapping| m.header == header || plain(&m.header) == key;
        let may_be_a_person = !key.is_empty() && !NEVER_A_PERSON.iter().any(|w| key.contains(w));
        let (field, rank) = match mappings.iter().find(by_hand) {
            Some(mapping) => (mapping.field, 0),
            None => by_name(header),
        };
        let is_left_out = mappings.iter().any(|m| by_hand(&m) && m.field.is_none());
        Self {
            header: header.to_owned(),
            field,
            rank,
            may_be_a_person: may_be_a_person && !is_left_out,
        }
    }
}

/// The columns of a header line. What one column means can depend on the others.
#[must_use]
pub fn understand(headers: &[String], mappings: &[Mapping]) -> Vec<Column> {
    let mut columns: Vec<Column> = headers.iter().map(|h| Column::of(h, mappings)).collect();
    let keys: Vec<String> = columns.iter().map(|c| plain(&c.header)).collect();
    let has = |key: &str| keys.iter().any(|k| k == key);
    let fills = |field: Field| columns.iter().any(|c| c.field == Some(field));
    let first_without_last = fills(Field::FirstName) && !fills(Field::LastName);
    let last_without_first = fills(Field::LastName) && !fills(Field::FirstName);
    let (job, id_type) = (has("jobtitle"), has("idtype"));
    let invitations = is_invitations(&keys);
    for (column, key) in columns.iter_mut().zip(&keys) {
        if column.rank == 0 {
            continue;
        }
        match key.as_str() {
            // "Vorname;Name" and "Prénom;Nom": the name is the family name.
            "name" | "nom" if first_without_last => column.field = Some(Field::LastName),
            // "Nombre;Apellidos"
            "nombre" | "prenom" if last_without_first => column.field = Some(Field::FirstName),
            // Outlook's "Title" is the salutation.
            "title" if job => column.field = None,
            // Linked Helper's "id" is one of LinkedIn's.
            "id" if id_type => column.field = None,
            // LinkedIn's Invitations.csv has the columns of both sides; see `Direction`.
            "sentat" if invitations => column.field = Some(Field::InvitedAt),
            "message" if invitations => column.field = Some(Field::Note),
            "from" | "to" if invitations => column.field = Some(Field::Name),
            "inviterprofileurl" | "inviteeprofileurl" if invitations => {
                column.field = Some(Field::LinkedinUrl);
            }
            _ => {}
        }
    }
    columns
}

/// Whether these are the columns of LinkedIn's Invitations.csv.
#[must_use]
pub fn is_invitations(keys: &[String]) -> bool {
    ["direction", "inviterprofileurl", "inviteeprofileurl"]
        .iter()
        .all(|wanted| keys.iter().any(|key| key == wanted))
}

/// How headers are compared: letters and digits only, lower-case, without diacritics.
#[must_use]
pub fn plain(header: &str) -> String {
    header
        .nfd()
        .filter(|c| c.is_alphanumeric() && !is_combining_mark(*c))
        .flat_map(char::to_lowercase)
        .collect()
}

/// What a header means by the names of [`NAMES`], and its rank there, from 1.
fn by_name(header: &str) -> (Option<Field>, usize) {
    let known = |key: &str| {
        NAMES
            .iter()
            .position(|(name, _)| *name == key)
            .map(|place| (Some(NAMES[place].1), place + 1))
    };
    let unknown = (None, usize::MAX);
    let (object, rest) = object(header);
    match object {
        Object::None => known(&plain(header)).unwrap_or(unknown),
        Object::Person => known(&plain(rest)).unwrap_or(unknown),
        Object::Company => match plain(rest).as_str() {
            "name" | "companyname" | "accountname" | "organizationname" | "firmenname" => {
                known("company").unwrap_or(unknown)
            }
            _ => unknown,
        },
        Object::Other => unknown,
    }
}

/// The object that a report names in a header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Object {
    None,
    Person,
    Company,
    Other,
}

/// Splits a header such as `Person - Name`, `Lead Owner: Manager` or `Record ID - Company`.
fn object(header: &str) -> (Object, &str) {
    let kind = |text: &str| {
        let key = plain(text);
        if OBJECTS_OF_A_PERSON.contains(&key.as_str()) {
            Object::Person
        } else if OBJECTS_OF_A_COMPANY.contains(&key.as_str()) {
            Object::Company
        } else {
            Object::Other
        }
    };
    let parts = header.split_once(" - ").or_else(|| header.split_once(": "));
    let Some((before, after)) = parts else {
        return (Object::None, header);
    };
    match (kind(before), kind(after)) {
        (Object::Other, Object::Other) if header.contains(": ") => (Object::Other, after),
        (Object::Other, Object::Other) => (Object::None, header),
        (Object::Other, object) => (object, before),
        (object, _) => (object, after),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(headers: &str) -> Vec<Option<Field>> {
        let headers: Vec<String> = headers.split(',').map(str::to_owned).collect();
        understand(&headers, &[])
            .into_iter()
            .map(|c| c.field)
            .collect()
    }

    #[test]
    fn headers_are_known_in_any_spelling() {
        use Field::{Company, FirstName, Headline, Id, LastName, LinkedinUrl, Name};
        for (headers, expected) in [
            (
                "ID,First Name,LAST_NAME,Title",
                vec![Some(Id), Some(FirstName), Some(LastName), Some(Headline)],
            ),
            (
                "Vorname,Nachname,Firma,LinkedIn-Profil",
                vec![
                    Some(FirstName),
                    Some(LastName),
                    Some(Company),
                    Some(LinkedinUrl),
                ],
            ),
            (
                "Anrede,Vorname,Name,Unternehmen",
                vec![None, Some(FirstName), Some(LastName), Some(Company)],
            ),
            (
                "Civilité,Prénom,Nom,Fonction,Société",
                vec![
                    None,
                    Some(FirstName),
                    Some(LastName),
                    Some(Headline),
                    Some(Company),
                ],
            ),
            ("Nom,Poste", vec![Some(Name), Some(Headline)]),
            (
                "Nombre,Apellidos,Empresa,Cargo",
                vec![
                    Some(FirstName),
                    Some(LastName),
                    Some(Company),
                    Some(Headline),
                ],
            ),
            (
                "Title,First Name,Last Name,Job Title",
                vec![None, Some(FirstName), Some(LastName), Some(Headline)],
            ),
        ] {
            assert_eq!(fields(headers), expected, "{headers}");
        }
    }

    #[test]
    fn a_header_may_carry_its_object() {
        use Field::{Company, Headline, Id, LinkedinUrl, Name};
        let check = |header: &str, expected: Option<Field>| {
            assert_eq!(Column::of(header, &[]).field, expected, "{header}");
        };
        check("Person - Name", Some(Name));
        check("Person - LinkedIn", Some(LinkedinUrl));
        check("Organization - Name", Some(Company));
        check("Organization - LinkedIn", None);
        check("Record ID - Contact", Some(Id));
        check("Record ID - Company", None);
        check("Account: Account Name", Some(Company));
        check("Lead: Title", Some(Headline));
        check("Lead Owner: Manager", None);
        check("Lead Owner: Full Name", None);
    }

    #[test]
    fn an_account_is_a_company() {
        for header in ["Account", "Account Name", "Company / Account"] {
            assert_eq!(
                Column::of(header, &[]).field,
                Some(Field::Company),
                "{header}"
            );
        }
        assert_eq!(
            Column::of("LinkedIn Account ID", &[]).field,
            Some(Field::AccountId)
        );
        for header in [
            "Account Owner",
            "Contact owner",
            "Connected On",
            "Create Date",
            "timestamp",
            "LinkedIn Company Page",
            "Company Linkedin Url",
        ] {
            assert_eq!(Column::of(header, &[]).field, None, "{header}");
        }
    }

    #[test]
    fn what_is_mapped_by_hand_counts() {
        let mapping = |text: &str| Mapping::parse(text).expect("a mapping");
        let maps = [
            mapping("Wer?=name"),
            mapping("Title=ignore"),
            mapping("a=b=note"),
        ];
        assert_eq!(Column::of("wer", &maps).field, Some(Field::Name));
        assert_eq!(Column::of("Title", &maps).field, None);
        assert_eq!(Column::of("a=b", &maps).field, Some(Field::Note));
        assert!(
            Mapping::parse("Wer?=nam")
                .expect_err("no field")
                .contains("campaignName")
        );
        assert!(Mapping::parse("name").is_err());
        assert_eq!(mapping("x=LinkedIn URL").field, Some(Field::LinkedinUrl));
    }
}
