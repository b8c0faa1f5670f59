//! How the cells of one row become an enrollment.

use serde_json::{Map, Value};
use uuid::Uuid;

use super::columns::Field;
use super::dates::{self, NoDate, Order};
use crate::domain::identity::{Identity, is_placeholder};
use crate::domain::ids::CampaignId;

/// What rows get that say nothing about it themselves.
#[derive(Debug, Clone, Default)]
pub struct Defaults {
    /// The account.
    pub account: Option<String>,
    /// The id of the campaign.
    pub campaign: Option<String>,
    /// The name of the campaign.
    pub campaign_name: Option<String>,
}

/// What is wrong with a row, or worth a note.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The field, if it is about one.
    pub field: Option<Field>,
    /// What is wrong and what to do.
    pub detail: String,
}

impl Remark {
    /// A remark about one field.
    pub fn field(field: Field, detail: impl Into<String>) -> Self {
        Self {
            field: Some(field),
            detail: detail.into(),
        }
    }

    /// A remark about the whole row.
    pub fn row(detail: impl Into<String>) -> Self {
        Self {
            field: None,
            detail: detail.into(),
        }
    }
}

/// A row that can be enrolled.
#[derive(Debug, Clone, PartialEq)]
pub struct Row {
    /// The fields of the enrollment, by their names in the API. The id is always among them.
    pub fields: Map<String, Value>,
    /// The id that is derived from account, campaign and person. It takes the place of an id of the file that belongs to an
    /// enrollment of another account.
    pub derived_id: Option<String>,
    /// What was left out, and why.
    pub notes: Vec<Remark>,
}

impl Row {
    /// A field as text, empty if it has none.
    #[must_use]
    pub fn text(&self, name: &str) -> &str {
        text(&self.fields, name)
    }

    /// The person, from the URL and the id. Empty if nothing names a person, or if the two name different ones.
    #[must_use]
    pub fn person(&self) -> Identity {
        person(&self.fields)
    }
}

fn text<'m>(fields: &'m Map<String, Value>, name: &str) -> &'m str {
    fields.get(name).and_then(Value::as_str).unwrap_or_default()
}

fn person(fields: &Map<String, Value>) -> Identity {
    let mut person = Identity::from_text(text(fields, "linkedinUrl"));
    let by_id = Identity::from_id(text(fields, "providerId"));
    if person.contradicts(&by_id) {
        return Identity::default();
    }
    person.fill_from(&by_id);
    person
}

/// The filled cells of one row, in the order in which they count.
#[derive(Debug, Default)]
pub struct Cells {
    cells: Vec<(usize, Field, Value)>,
}

impl Cells {
    /// Takes a cell. Empty texts and null say nothing. A placeholder says nothing where an id or a time belongs; in a name, a
    /// company, a headline or a note the same word can be meant.
    pub fn put(&mut self, rank: usize, field: Field, value: Value) {
        let value = match value {
            Value::Null => return,
            Value::String(text) => {
                let text = text.trim();
                if text.is_empty() || (!field.is_prose() && is_placeholder(text)) {
                    return;
                }
                Value::String(without_apostrophe(text).to_owned())
            }
            // Spreadsheets and databases write ids and names of campaigns as numbers.
            Value::Number(number) if is_word_of_numbers(field) => Value::String(number.to_string()),
            other => other,
        };
        let place = self.cells.partition_point(|cell| cell.0 <= rank);
        self.cells.insert(place, (rank, field, value));
    }

    /// Whether no cell says anything.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.cells.is_empty()
    }

    fn take(&mut self, field: Field) -> Option<Value> {
        let place = self.cells.iter().position(|cell| cell.1 == field)?;
        Some(self.cells.remove(place).2)
    }

    fn take_text(&mut self, field: Field) -> Option<String> {
        self.take(field)?.as_str().map(str::to_owned)
    }

    /// Returns the enrollment of this row.
    ///
    /// # Errors
    /// Returns why it can't be one.
    pub fn finish(mut self, defaults: &Defaults, order: Order) -> Result<Row, Remark> {
        let mut fields = Map::new();
        let mut notes = Vec::new();
        for field in [
            Field::Id,
            Field::AccountId,
            Field::CampaignId,
            Field::CampaignName,
            Field::Headline,
            Field::Company,
            Field::Note,
        ] {
            if let Some(value) = self.take(field) {
                fields.insert(field.as_str().to_owned(), value);
            }
        }
        self.identity(&mut fields);
        self.name(&mut fields);
        notes.extend(self.invited_at(&mut fields, order)?);
        if is_company_id(text(&fields, "accountId")) {
            fields.remove("accountId");
        }
        if let Some(account) = &defaults.account {
            fields
                .entry("accountId")
                .or_insert_with(|| account.clone().into());
        }
        campaign(&mut fields, defaults);
        if !fields.contains_key("accountId") {
            let detail = "The row names no account. Fill its account id, or name an account for the whole file.";
            return Err(Remark::field(Field::AccountId, detail));
        }
        let derived_id = derived_id(&fields);
        if !fields.contains_key("id") {
            let id = derived_id.clone().ok_or_else(|| {
                let detail = "The row has no id, and no LinkedIn URL, provider id, name or company to derive one from.";
                Remark::field(Field::Id, detail)
            })?;
            fields.insert("id".to_owned(), id.into());
        }
        Ok(Row {
            fields,
            derived_id,
            notes,
        })
    }

    /// Chooses among the cells that may name the person. What a cell holds decides, not its column: a public profile comes before
    /// a Sales Navigator one, and the other is kept as the provider id.
    fn identity(&mut self, fields: &mut Map<String, Value>) {
        let (mut profile, mut sales, mut id) = (None, None, None);
        let mut odd = None;
        for (_, field, value) in self.cells.extract_if(.., |cell| cell.1.is_identity()) {
            let Some(cell) = value.as_str() else {
                odd.get_or_insert((field, value));
                continue;
            };
            let named = match field {
                Field::ProviderId if !cell.contains('/') => Identity::from_id(cell),
                _ => Identity::from_text(cell),
            };
            if named.public_identifier.is_some() {
                profile.get_or_insert(cell.to_owned());
            } else if named.sales_id.is_some() {
                sales.get_or_insert((cell.to_owned(), named.sales_id));
            } else if named.is_usable() {
                id.get_or_insert((cell.to_owned(), named.provider_id));
            } else {
                odd.get_or_insert((field, cell.into()));
            }
        }
        let found =
            |pair: Option<(String, Option<String>)>| pair.map(|(cell, id)| id.unwrap_or(cell));
        let (url, provider_id) = match (profile, id, sales) {
            (Some(profile), Some(id), _) => (Some(profile), found(Some(id))),
            (Some(profile), None, sales) => (Some(profile), found(sales)),
            (None, Some((cell, id)), Some((sales, _))) => (Some(sales), Some(id.unwrap_or(cell))),
            (None, Some((cell, Some(id))), None) if cell == id => (None, Some(id)),
            (None, Some((cell, _)), None) => (Some(cell), None),
            (None, None, sales) => (sales.map(|(cell, _)| cell), None),
        };
        if let Some(url) = url {
            fields.insert("linkedinUrl".to_owned(), url.into());
        }
        if let Some(id) = provider_id {
            fields.insert("providerId".to_owned(), id.into());
        }
        // Kept so that people see what the file says; it names nobody.
        if let Some((field, value)) = odd
            && !fields.contains_key("linkedinUrl")
            && !fields.contains_key("providerId")
        {
            let name = match field {
                Field::ProviderId => "providerId",
                _ => "linkedinUrl",
            };
            fields.insert(name.to_owned(), value);
        }
    }

    fn name(&mut self, fields: &mut Map<String, Value>) {
        let first = self.take_text(Field::FirstName).filter(|n| is_name(n));
        let last = self.take_text(Field::LastName).filter(|n| is_name(n));
        if let Some(name) = self.take(Field::Name) {
            let name = match name.as_str() {
                Some(text) => once(text).into(),
                None => name,
            };
            fields.insert("name".to_owned(), name);
            return;
        }
        let name = match (first, last) {
            // Some exports have the full name in both.
            (Some(first), Some(last)) if first == last => first,
            (first, last) => [first, last]
                .into_iter()
                .flatten()
                .collect::<Vec<_>>()
                .join(" "),
        };
        if !name.is_empty() {
            fields.insert("name".to_owned(), name.into());
        }
    }

    fn invited_at(
        &mut self,
        fields: &mut Map<String, Value>,
        order: Order,
    ) -> Result<Option<Remark>, Remark> {
        let Some(value) = self.take(Field::InvitedAt) else {
            return Ok(None);
        };
        let read = value.as_str().ok_or(NoDate::Unreadable);
        match read.and_then(|text| dates::parse(text, order)) {
            Ok(at) => {
                fields.insert("invitedAt".to_owned(), at.to_string().into());
                Ok(None)
            }
            Err(why @ NoDate::Ambiguous) => {
                Ok(Some(Remark::field(Field::InvitedAt, why.to_string())))
            }
            Err(why) => Err(Remark::field(Field::InvitedAt, why.to_string())),
        }
    }
}

fn is_word_of_numbers(field: Field) -> bool {
    matches!(
        field,
        Field::Id | Field::AccountId | Field::CampaignId | Field::CampaignName
    )
}

/// Spreadsheets protect a cell that begins like a formula by an apostrophe.
fn without_apostrophe(text: &str) -> &str {
    match text.strip_prefix('\'') {
        Some(rest) if rest.starts_with(['+', '=', '-', '@']) => rest,
        _ => text,
    }
}

/// Whether part of a name is one. Exports write these words where they know nothing.
fn is_name(text: &str) -> bool {
    !["undefined", "null", "n/a", "-"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word))
}

/// A name that some exports write twice: `Corin Haldsworth Corin Haldsworth`.
fn once(name: &str) -> String {
    let words: Vec<&str> = name.split_whitespace().collect();
    let (first, second) = words.split_at(words.len() / 2);
    if first.len() > 1 && first == second {
        first.join(" ")
    } else {
        name.to_owned()
    }
}

/// Whether an account id is one of Salesforce's companies.
fn is_company_id(account: &str) -> bool {
    matches!(account.len(), 15 | 18)
        && account.starts_with("001")
        && account.bytes().all(|b| b.is_ascii_alphanumeric())
}

/// Says which campaign a row belongs to. A row that names none gets the defaults. One that names its campaign only by name gets an
/// id that is derived from the name, so each name is a campaign of its own.
fn campaign(row: &mut Map<String, Value>, defaults: &Defaults) {
    if row.contains_key("campaignId") {
        return;
    }
    let own = row.get("campaignName").and_then(Value::as_str);
    // A value that is not text is an error of the row, not a name.
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

/// An id that is the same each time the same person is imported for the same account and campaign: `imp_` and the UUIDv5 (URL
/// namespace) of `acceptd-import`, account, campaign and identity, one a line. Without an identity, name and company take its
/// place, as a JSON array, which no identity looks like.
fn derived_id(row: &Map<String, Value>) -> Option<String> {
    let text = |key: &str| text(row, key);
    let person = person(row);
    let number = person.number();
    let identity = person
        .public_identifier
        .or(person.provider_id)
        .or(person.sales_id)
        .or_else(|| number.map(|n| format!("urn:li:member:{n}")))
        .or_else(|| {
            let (name, company) = (text("name"), text("company"));
            let known = !name.is_empty() || !company.is_empty();
            known.then(|| serde_json::json!([name, company]).to_string())
        })?;
    let campaign = match text("campaignId") {
        "unassigned" => "",
        id => id,
    };
    let name = format!(
        "acceptd-import\n{}\n{campaign}\n{identity}",
        text("accountId")
    );
    let id = Uuid::new_v5(&Uuid::NAMESPACE_URL, name.as_bytes());
    Some(format!("imp_{}", id.simple()))
}
