//! Which column means what, and how the cells of one row become an enrollment.

use serde_json::{Map, Value};
use uuid::Uuid;

use crate::domain::identity::{Identity, is_placeholder};
use crate::domain::ids::CampaignId;

/// A field of an enrollment that a column may fill. The first three of `Extra` are put together into others.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Field {
    /// A field of the API, by its name there.
    Api(&'static str),
    /// Part of `name`.
    FirstName,
    /// Part of `name`.
    LastName,
    /// A Sales Navigator or Recruiter URL or id: `linkedinUrl` where there is no other, else `providerId`.
    SalesUrl,
    /// Not looked at.
    Ignored,
}

impl Field {
    /// Whether it holds words, so that any word may be meant.
    fn is_prose(self) -> bool {
        match self {
            Self::FirstName | Self::LastName => true,
            Self::Api(name) => ["name", "headline", "company", "note"].contains(&name),
            Self::SalesUrl | Self::Ignored => false,
        }
    }

    /// Whether it holds an id or a name that is also written as a number.
    fn may_be_number(self) -> bool {
        matches!(
            self,
            Self::Api("id" | "accountId" | "campaignId" | "campaignName")
        )
    }
}

/// Headers as people's exports name them: letters and digits only, lower-case. Where a row has several for one field, the first
/// of these that is filled wins.
const HEADERS: &[(&str, Field)] = &[
    ("id", Field::Api("id")),
    ("enrollmentid", Field::Api("id")),
    ("leadid", Field::Api("id")),
    ("externalid", Field::Api("id")),
    ("prospectid", Field::Api("id")),
    ("contactid", Field::Api("id")),
    ("recordid", Field::Api("id")),
    ("accountid", Field::Api("accountId")),
    ("account", Field::Api("accountId")),
    ("linkedinaccountid", Field::Api("accountId")),
    ("senderid", Field::Api("accountId")),
    ("campaignid", Field::Api("campaignId")),
    ("campaignname", Field::Api("campaignName")),
    ("campaign", Field::Api("campaignName")),
    ("linkedinurl", Field::Api("linkedinUrl")),
    ("linkedinprofileurl", Field::Api("linkedinUrl")),
    ("personlinkedinurl", Field::Api("linkedinUrl")),
    ("contactlinkedinurl", Field::Api("linkedinUrl")),
    ("profileurl", Field::Api("linkedinUrl")),
    ("publicprofileurl", Field::Api("linkedinUrl")),
    ("defaultprofileurl", Field::Api("linkedinUrl")),
    ("linkedinprofile", Field::Api("linkedinUrl")),
    ("linkedinprofilelink", Field::Api("linkedinUrl")),
    ("linkedinlink", Field::Api("linkedinUrl")),
    ("profilelink", Field::Api("linkedinUrl")),
    ("linkedin", Field::Api("linkedinUrl")),
    ("url", Field::Api("linkedinUrl")),
    ("publicidentifier", Field::Api("linkedinUrl")),
    ("salesnavigatorurl", Field::SalesUrl),
    ("salesnavigatorprofileurl", Field::SalesUrl),
    ("linkedinsalesnavigatorurl", Field::SalesUrl),
    ("salesnavigatorlink", Field::SalesUrl),
    ("salesnavurl", Field::SalesUrl),
    ("salesurl", Field::SalesUrl),
    ("linkedinsalesurl", Field::SalesUrl),
    ("salesnavigatorid", Field::SalesUrl),
    ("recruiterurl", Field::SalesUrl),
    ("providerid", Field::Api("providerId")),
    ("linkedinproviderid", Field::Api("providerId")),
    ("name", Field::Api("name")),
    ("fullname", Field::Api("name")),
    ("contactname", Field::Api("name")),
    ("prospectname", Field::Api("name")),
    ("firstname", Field::FirstName),
    ("givenname", Field::FirstName),
    ("lastname", Field::LastName),
    ("surname", Field::LastName),
    ("familyname", Field::LastName),
    ("headline", Field::Api("headline")),
    ("linkedinheadline", Field::Api("headline")),
    ("title", Field::Api("headline")),
    ("jobtitle", Field::Api("headline")),
    ("position", Field::Api("headline")),
    ("company", Field::Api("company")),
    ("companyname", Field::Api("company")),
    ("currentcompany", Field::Api("company")),
    ("organization", Field::Api("company")),
    ("organisation", Field::Api("company")),
    ("employer", Field::Api("company")),
    ("invitedat", Field::Api("invitedAt")),
    ("invitesentat", Field::Api("invitedAt")),
    ("connectionsentat", Field::Api("invitedAt")),
    ("note", Field::Api("note")),
    ("invitenote", Field::Api("note")),
    ("connectionnote", Field::Api("note")),
];

/// The fields that `--map` takes, for its help and its errors.
pub const MAPPABLE: &[(&str, Field)] = &[
    ("id", Field::Api("id")),
    ("accountId", Field::Api("accountId")),
    ("campaignId", Field::Api("campaignId")),
    ("campaignName", Field::Api("campaignName")),
    ("linkedinUrl", Field::Api("linkedinUrl")),
    ("salesUrl", Field::SalesUrl),
    ("providerId", Field::Api("providerId")),
    ("name", Field::Api("name")),
    ("firstName", Field::FirstName),
    ("lastName", Field::LastName),
    ("headline", Field::Api("headline")),
    ("company", Field::Api("company")),
    ("invitedAt", Field::Api("invitedAt")),
    ("note", Field::Api("note")),
    ("ignore", Field::Ignored),
];

/// One `--map COLUMN=FIELD`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mapping {
    /// The column, as its header says or nearly so.
    pub column: String,
    /// What it fills.
    pub field: Field,
}

/// Reads `Column=field`; the column itself may hold a `=`.
pub fn mapping(text: &str) -> Result<Mapping, String> {
    let names = || {
        MAPPABLE
            .iter()
            .map(|(n, _)| *n)
            .collect::<Vec<_>>()
            .join(", ")
    };
    let (column, field) = text
        .rsplit_once('=')
        .ok_or("write it as \"Column=field\"")?;
    let found = MAPPABLE
        .iter()
        .find(|(name, _)| squeezed(name) == squeezed(field));
    match found {
        Some((_, field)) if !column.trim().is_empty() => Ok(Mapping {
            column: column.trim().to_owned(),
            field: *field,
        }),
        _ => Err(format!(
            "{:?} is no field: use one of {}",
            field.trim(),
            names()
        )),
    }
}

/// Letters and digits only, lower-case: how headers are compared.
pub fn squeezed(header: &str) -> String {
    header
        .chars()
        .filter(|c| c.is_alphanumeric())
        .flat_map(char::to_lowercase)
        .collect()
}

/// What a column fills and its rank among those that fill the same; `Ignored` for a column that nobody knows.
pub fn meaning(header: &str, mappings: &[Mapping]) -> (usize, Field) {
    let key = squeezed(header);
    let by_hand = |m: &&Mapping| m.column == header.trim() || squeezed(&m.column) == key;
    if let Some(mapping) = mappings.iter().find(by_hand) {
        return (0, mapping.field);
    }
    HEADERS
        .iter()
        .position(|(name, _)| *name == key)
        .map_or((usize::MAX, Field::Ignored), |n| (n + 1, HEADERS[n].1))
}

/// What stands in where a row says nothing.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// `--account`
    pub account: Option<String>,
    /// `--campaign`
    pub campaign: Option<String>,
    /// `--campaign-name`: of the campaign of rows that name none.
    pub campaign_name: Option<String>,
}

/// Why a row can't be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RowError {
    /// The field, where it is about one.
    pub field: Option<String>,
    /// What is wrong and what to do.
    pub detail: String,
}

impl RowError {
    pub fn new(field: Option<&str>, detail: impl Into<String>) -> Self {
        Self {
            field: field.map(str::to_owned),
            detail: detail.into(),
        }
    }
}

/// Collects the cells of one row.
#[derive(Debug, Default)]
pub struct Row {
    cells: Vec<(usize, Field, Value)>,
}

impl Row {
    /// Takes a cell. An empty text and null say nothing. A placeholder says nothing where an id or a time belongs. In a name, a
    /// company, a headline or a note the same word can be meant.
    pub fn put(&mut self, (rank, field): (usize, Field), value: Value) {
        let value = match value {
            Value::Null => return,
            Value::String(text) if text.trim().is_empty() => return,
            Value::String(text) if !field.is_prose() && is_placeholder(&text) => return,
            Value::String(text) => Value::String(text.trim().to_owned()),
            // Spreadsheets and databases write ids as numbers.
            Value::Number(number) if field.may_be_number() => Value::String(number.to_string()),
            other => other,
        };
        if field != Field::Ignored {
            self.cells.push((rank, field, value));
        }
    }

    fn take(&mut self, field: Field) -> Option<Value> {
        let best = self
            .cells
            .iter()
            .enumerate()
            .filter(|(_, cell)| cell.1 == field)
            .min_by_key(|(_, cell)| cell.0)?
            .0;
        Some(self.cells.swap_remove(best).2)
    }

    fn take_text(&mut self, field: Field) -> Option<String> {
        self.take(field)?.as_str().map(str::to_owned)
    }

    /// The enrollment of this row.
    pub fn finish(mut self, defaults: &Defaults) -> Result<Map<String, Value>, RowError> {
        let mut out = Map::new();
        for (_, field) in MAPPABLE {
            if let Field::Api(name) = field
                && let Some(value) = self.take(*field)
            {
                out.insert((*name).to_owned(), value);
            }
        }
        self.name(&mut out);
        self.sales(&mut out);
        if let Some(account) = &defaults.account {
            out.entry("accountId")
                .or_insert_with(|| account.clone().into());
        }
        campaign(&mut out, defaults);
        if !out.contains_key("accountId") {
            let detail = "the row names no account: add a column or give --account";
            return Err(RowError::new(Some("accountId"), detail));
        }
        if !out.contains_key("id") {
            let id = derived_id(&out).ok_or_else(|| {
                let detail = "the row has no id, and no LinkedIn URL, provider id, name or company to make one from";
                RowError::new(Some("id"), detail)
            })?;
            out.insert("id".to_owned(), id.into());
        }
        Ok(out)
    }

    fn name(&mut self, out: &mut Map<String, Value>) {
        let parts = [Field::FirstName, Field::LastName].map(|f| self.take_text(f));
        let name = parts.into_iter().flatten().collect::<Vec<_>>().join(" ");
        if !name.is_empty() {
            out.entry("name").or_insert_with(|| name.into());
        }
    }

    fn sales(&mut self, out: &mut Map<String, Value>) {
        let Some(sales) = self.take_text(Field::SalesUrl) else {
            return;
        };
        if !out.get("linkedinUrl").is_some_and(Value::is_string) {
            out.insert("linkedinUrl".to_owned(), sales.into());
            return;
        }
        let person = Identity::from_text(&sales);
        if let Some(id) = person.sales_id.or(person.provider_id) {
            out.entry("providerId").or_insert_with(|| id.into());
        }
    }
}

/// Says which campaign a row belongs to. A row that names none gets the defaults. One that names its campaign by name only gets an
/// id derived from the name, so that each name is a campaign of its own.
fn campaign(row: &mut Map<String, Value>, defaults: &Defaults) {
    if row.contains_key("campaignId") {
        return;
    }
    let own = row.get("campaignName").and_then(Value::as_str);
    // A value that is no text is no name; the daemon says so.
    let is_default = match own {
        Some(name) => Some(name) == defaults.campaign_name.as_deref(),
        None => !row.contains_key("campaignName"),
    };
    if is_default && let Some(id) = &defaults.campaign {
        row.insert("campaignId".to_owned(), id.clone().into());
    }
    if is_default && let Some(name) = &defaults.campaign_name {
        row.insert("campaignName".to_owned(), name.clone().into());
    }
    if !row.contains_key("campaignId")
        && let Some(name) = row.get("campaignName").and_then(Value::as_str)
    {
        let id = CampaignId::of_name(name);
        row.insert("campaignId".to_owned(), id.as_str().into());
    }
}

/// Who a row is about, from its URL and its id. Empty if nothing in it names a person, or if the two name different ones, which
/// the daemon refuses.
pub fn person(row: &Map<String, Value>) -> Identity {
    let text = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default();
    let mut person = Identity::from_text(text("linkedinUrl"));
    let by_id = Identity::from_id(text("providerId"));
    if person.contradicts(&by_id) {
        return Identity::default();
    }
    person.fill_from(&by_id);
    person
}

/// An id that is the same each time the same person is imported for the same account and campaign: `imp_` and the UUIDv5 (URL
/// namespace) of `acceptd-import`, account, campaign and identity, one a line. Without an identity, name and company stand in its
/// place, as a JSON array, which no identity looks like.
fn derived_id(row: &Map<String, Value>) -> Option<String> {
    let text = |key: &str| row.get(key).and_then(Value::as_str).unwrap_or_default();
    let person = Identity::from_text(text("linkedinUrl"));
    let number = person.number();
    let identity = person
        .public_identifier
        .or(person.provider_id)
        .or(person.sales_id)
        .or_else(|| number.map(|n| format!("urn:li:member:{n}")))
        .or_else(|| Some(text("providerId").to_owned()))
        .filter(|t| !t.is_empty())
        .or_else(|| {
            let (name, company) = (text("name"), text("company"));
            let known = !name.is_empty() || !company.is_empty();
            known.then(|| serde_json::json!([name, company]).to_string())
        })?;
    let name = format!(
        "acceptd-import\n{}\n{}\n{identity}",
        text("accountId"),
        text("campaignId")
    );
    let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes());
    Some(format!("imp_{}", id.simple()))
}
