//! Texts by name: by locale, or by selector.
//!
//! Owns their order, which is the name's, so that equal texts are equal bytes.

use std::borrow::Cow;

use super::answer::Label;
use super::envelope::Unread;
use crate::canonical::{Name, Object};
use crate::lenient::{Broken, Fields, Json, Scalar};

/// Sorted by BCP 47 locale, or whatever the names are.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Texts<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Texts<'a> {
    /// Of two texts for one locale the last stands.
    fn insert(&mut self, locale: Cow<'a, str>, text: Cow<'a, str>) {
        let at = self.0.partition_point(|(known, _)| *known < locale);
        match self.0.get_mut(at) {
            Some((known, held)) if *known == locale => *held = text,
            _ => self.0.insert(at, (locale, text)),
        }
    }

    /// Of two texts for one name the first stands.
    pub(super) fn keep(&mut self, name: Cow<'a, str>, text: Cow<'a, str>) {
        let at = self.0.partition_point(|(known, _)| *known < name);
        if self.0.get(at).is_none_or(|(known, _)| *known != name) {
            self.0.insert(at, (name, text));
        }
    }

    pub(super) fn of_pairs(pairs: impl IntoIterator<Item = (Cow<'a, str>, Cow<'a, str>)>) -> Self {
        let mut texts = Self::default();
        pairs.into_iter().for_each(|(name, text)| texts.keep(name, text));
        texts
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, text)| (&**name, &**text))
    }

    /// The text of a name.
    pub(super) fn take(self, name: &str) -> Option<Cow<'a, str>> {
        self.0.into_iter().find(|(known, _)| known == name).map(|(_, text)| text)
    }

    /// All of them as a JSON object.
    pub(super) fn object(&self) -> String {
        let mut out = Vec::with_capacity(192);
        let mut object = Object::open(&mut out);
        for (name, text) in &self.0 {
            object.entry(name, text);
        }
        object.close();
        // Names and texts are UTF-8, and so is what is put between them.
        String::from_utf8(out).unwrap_or_default()
    }

    /// Writes the object, or nothing when there is no text.
    pub(super) fn write(&self, object: &mut Object<'_>, name: Name) {
        if !self.0.is_empty() {
            object.object(name, |inner| {
                for (locale, text) in &self.0 {
                    inner.entry(locale, text);
                }
            });
        }
    }
}

/// As they were written: every name is a locale.
impl<'a> Fields<'a> for Texts<'a> {
    fn scalar(&mut self, _: &str) -> Option<&mut Scalar<'a>> {
        None
    }

    fn part(&mut self, name: Cow<'a, str>, json: &mut Json<'a>) -> Result<bool, Broken> {
        if let Some(text) = Scalar::read(json)?.into_text() {
            self.insert(name, text);
        }
        Ok(true)
    }
}

/// From SecuTix, which writes `fr_CH`.
pub(super) fn of<'a>(label: &'a Label<'a>, unread: &mut Unread, pointer: impl Fn() -> String) -> Texts<'a> {
    let mut texts = Texts::default();
    if label.is_misfit() {
        unread.note(pointer);
    }
    let Some(label) = label.get() else { return texts };
    for (_, translation) in label.translations.objects() {
        let (Some(locale), Some(value)) = (translation.locale.text(), translation.value.text()) else { continue };
        let locale = if locale.contains('_') { Cow::Owned(locale.replace('_', "-")) } else { locale };
        texts.insert(locale, value);
    }
    texts
}
