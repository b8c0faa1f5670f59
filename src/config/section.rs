//! One table of the file over the same table of the default layer. Reading a key makes it known, and a key that was never read is an
//! error.

use std::cell::RefCell;
use std::ops::Range;

use toml::de::{DeTable, DeValue};

use super::problems::{Collector, nearest};

/// A table that is being read.
pub(super) struct Section<'a> {
    pub problems: &'a Collector<'a>,
    path: String,
    user: Option<&'a DeTable<'a>>,
    base: Option<&'a DeTable<'a>>,
    span: Range<usize>,
    known: RefCell<Vec<&'static str>>,
}

impl<'a> Section<'a> {
    /// A table found at `span`.
    pub fn new(
        problems: &'a Collector<'a>,
        path: String,
        user: Option<&'a DeTable<'a>>,
        base: Option<&'a DeTable<'a>>,
        span: Range<usize>,
    ) -> Self {
        Self {
            problems,
            path,
            user,
            base,
            span,
            known: RefCell::default(),
        }
    }

    /// Returns the whole path of a key of this table.
    pub fn path(&self, key: &str) -> String {
        if self.path.is_empty() {
            key.to_owned()
        } else {
            format!("{}.{key}", self.path)
        }
    }

    /// Returns where the user wrote a key, else where the table begins.
    pub fn span(&self, key: &str) -> Range<usize> {
        self.user
            .and_then(|t| t.get(key))
            .map_or_else(|| self.span.clone(), toml::Spanned::span)
    }

    /// Reports a problem with a key.
    pub fn problem(&self, key: &str, message: impl Into<String>) {
        self.problems.add(&self.span(key), &self.path(key), message);
    }

    /// Whether the user wrote a key.
    pub fn wrote(&self, key: &str) -> bool {
        self.user.is_some_and(|t| t.contains_key(key))
    }

    /// Reads a value with `read`: the user's, else that of the default layer. Returns `None` after a problem, or if neither has it.
    pub fn get<T>(
        &self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<T> {
        self.known.borrow_mut().push(key);
        let value = match self.user.and_then(|t| t.get(key)) {
            Some(value) => value.get_ref(),
            None => self.base.and_then(|t| t.get(key))?.get_ref(),
        };
        read(value)
            .map_err(|message| self.problem(key, message))
            .ok()
    }

    /// Reads a value like [`get`](Self::get), and reports a problem if neither layer has it.
    pub fn need<T>(
        &self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<T> {
        let there = self.wrote(key) || self.base.is_some_and(|t| t.contains_key(key));
        if !there {
            self.problem(key, "is missing: every such entry needs one");
        }
        self.get(key, read)
    }

    /// Reads each item of an array with `read`. Every bad item is a problem of its own.
    pub fn list<T>(
        &self,
        key: &'static str,
        read: impl Fn(&DeValue<'_>) -> Result<T, String>,
    ) -> Option<Vec<T>> {
        self.known.borrow_mut().push(key);
        let table = match self.user {
            Some(user) if user.contains_key(key) => user,
            _ => self.base.filter(|t| t.contains_key(key))?,
        };
        let DeValue::Array(items) = table.get(key)?.get_ref() else {
            self.problem(key, "must be a list: put it between [ and ]");
            return None;
        };
        let mut all = Some(Vec::new());
        for item in items.iter() {
            match read(item.get_ref()) {
                Ok(value) => {
                    if let Some(all) = &mut all {
                        all.push(value);
                    }
                }
                Err(message) => {
                    self.problems.add(&item.span(), &self.path(key), message);
                    all = None;
                }
            }
        }
        all
    }

    /// Returns a table inside this one, or an empty one if there is none. Another type of value is a problem.
    pub fn table(&self, key: &'static str) -> Section<'a> {
        self.known.borrow_mut().push(key);
        let mut span = self.span.clone();
        let mut user = None;
        if let Some(value) = self.user.and_then(|t| t.get(key)) {
            span = value.span();
            match value.get_ref() {
                DeValue::Table(table) => user = Some(table),
                _ => self.problem(key, format!("must be a table: write [{}]", self.path(key))),
            }
        }
        let base = self.base.and_then(|t| t.get(key)?.get_ref().as_table());
        Section::new(self.problems, self.path(key), user, base, span)
    }

    /// Returns the entries of `[[key]]`. They have no default layer.
    pub fn tables(&self, key: &'static str) -> Vec<Section<'a>> {
        self.known.borrow_mut().push(key);
        let Some(value) = self.user.and_then(|t| t.get(key)) else {
            return Vec::new();
        };
        let wrong = || format!("must be a list of tables: write [[{}]]", self.path(key));
        let DeValue::Array(items) = value.get_ref() else {
            self.problem(key, wrong());
            return Vec::new();
        };
        let mut entries = Vec::new();
        for (n, item) in items.iter().enumerate() {
            let path = format!("{}[{n}]", self.path(key));
            match item.get_ref() {
                DeValue::Table(table) => entries.push(Section::new(
                    self.problems,
                    path,
                    Some(table),
                    None,
                    item.span(),
                )),
                _ => self.problems.add(&item.span(), &path, wrong()),
            }
        }
        entries
    }

    /// Returns the user's keys and values, for a table with arbitrary keys.
    pub fn entries(
        &self,
    ) -> impl Iterator<Item = (&'a str, &'a DeValue<'a>, Range<usize>)> + use<'a> {
        self.user.into_iter().flat_map(|t| {
            t.iter()
                .map(|(k, v)| (k.get_ref().as_ref(), v.get_ref(), v.span()))
        })
    }

    /// Reports every key that was not read.
    pub fn finish(&self) {
        let known = self.known.borrow();
        let unknown = |key: &str| !known.contains(&key);
        for (key, _) in self.user.into_iter().flat_map(|t| t.iter()) {
            if unknown(key.get_ref()) {
                let hint = nearest(key.get_ref(), &known)
                    .map(|n| format!("; did you mean `{n}`?"))
                    .unwrap_or_default();
                let path = self.path(key.get_ref());
                self.problems
                    .add(&key.span(), &path, format!("unknown key{hint}"));
            }
        }
    }
}
