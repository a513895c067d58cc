//! Texts by locale.
//!
//! Owns their order, which is the locale's, so that equal texts are equal bytes.

use std::borrow::Cow;

use serde::de::MapAccess;

use super::answer::Label;
use super::envelope::Unread;
use crate::canonical::Object;
use crate::lenient::{Fields, Name, Scalar};

/// Sorted by BCP 47 locale.
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

    /// Writes the object, or nothing when there is no text.
    pub(super) fn write(&self, object: &mut Object<'_>, name: &str) {
        if !self.0.is_empty() {
            object.object(name, |inner| {
                for (locale, text) in &self.0 {
                    inner.text(locale, text);
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

    fn part<A: MapAccess<'a>>(&mut self, name: &Name<'a>, map: &mut A) -> Result<bool, A::Error> {
        if let Some(text) = map.next_value::<Scalar<'a>>()?.into_text() {
            self.insert(name.0.clone(), text);
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
