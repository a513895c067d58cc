//! The shape of SecuTix's answers: names of fields, and nothing of their meaning.
//!
//! Owns which fields are read. Bounded by leniency: whatever is not named here is skipped, whatever is of another kind is a misfit in its
//! place. Names that no source states are assumptions and listed as such in docs/assumptions.md.

use serde::Deserialize;

use crate::lenient::{List, Node, Scalar};

/// `getFileDetails`, `getFileDetailsFromOrderSecretId`.
#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct FileAnswer<'a> {
    #[serde(borrow)]
    pub status_code: Scalar<'a>,
    pub file_details_data: Node<FileDetails<'a>>,
    pub order_details_datas: List<Order<'a>>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct FileDetails<'a> {
    #[serde(borrow)]
    pub file_id: Scalar<'a>,
    pub file_state: Scalar<'a>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Order<'a> {
    #[serde(borrow)]
    pub order_id: Scalar<'a>,
    pub order_secret_id: Scalar<'a>,
    pub order_type: Scalar<'a>,
    pub order_originator: Scalar<'a>,
    pub creation_date_time: Scalar<'a>,
    pub operation_datas: List<Operation<'a>>,
    pub movement_datas: List<Movement<'a>>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Operation<'a> {
    #[serde(borrow)]
    pub operation_id: Scalar<'a>,
    pub kind: Scalar<'a>,
    pub product_id: Scalar<'a>,
    pub product_code: Scalar<'a>,
    pub product_state: Scalar<'a>,
    pub product_family_sub_type: Scalar<'a>,
    pub product_external_name: Label<'a>,
    pub performance_id: Scalar<'a>,
    pub performance_start_date: Scalar<'a>,
    pub performance_end_date: Scalar<'a>,
    pub doors_open_date: Scalar<'a>,
    pub comfort_variable_values: List<ComfortVariable<'a>>,
    pub locations: List<Location<'a>>,
    /// Where The Wallet Crew's field mapping has it (domain.md 1.4); the order model has it within `locations`.
    pub site_address: Node<Address<'a>>,
    pub performances: List<Performance<'a>>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Performance<'a> {
    #[serde(borrow)]
    pub performance_id: Scalar<'a>,
    pub performance_name: Label<'a>,
    pub performance_start_date: Scalar<'a>,
    pub performance_end_date: Scalar<'a>,
    pub doors_open_date: Scalar<'a>,
    pub locations: List<Location<'a>>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct ComfortVariable<'a> {
    #[serde(borrow)]
    pub code: Scalar<'a>,
    pub value: Scalar<'a>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Location<'a> {
    #[serde(borrow)]
    pub site_name: Label<'a>,
    pub space_name: Label<'a>,
    pub site_address: Node<Address<'a>>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Address<'a> {
    #[serde(borrow)]
    pub first_address_line: Scalar<'a>,
    pub zip_code: Scalar<'a>,
    pub locality: Scalar<'a>,
    pub country_code: Scalar<'a>,
    pub latitude: Scalar<'a>,
    pub longitude: Scalar<'a>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Movement<'a> {
    #[serde(borrow)]
    pub movement_id: Scalar<'a>,
    pub operation_id: Scalar<'a>,
    pub r#type: Scalar<'a>,
    pub movement_state: Scalar<'a>,
    pub bar_code: Scalar<'a>,
    pub beneficiary_firstname: Scalar<'a>,
    pub beneficiary_lastname: Scalar<'a>,
    pub cultural_contact_number: Scalar<'a>,
    pub area: Scalar<'a>,
    pub gate: Scalar<'a>,
    pub row: Scalar<'a>,
    pub seat: Scalar<'a>,
    pub seat_category: Scalar<'a>,
    pub audience_sub_category: Scalar<'a>,
    pub tariff: Scalar<'a>,
    pub start_validity_date: Scalar<'a>,
    pub end_validity_date: Scalar<'a>,
    pub tickets: List<Ticket<'a>>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Ticket<'a> {
    #[serde(borrow)]
    pub ticket_id: Scalar<'a>,
    pub barcode: Scalar<'a>,
    pub ticket_state: Scalar<'a>,
}

/// `getContactData`.
#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct ContactAnswer<'a> {
    #[serde(borrow)]
    pub status_code: Scalar<'a>,
    pub contact_data: Node<Contact<'a>>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(rename_all = "camelCase", default)]
pub(super) struct Contact<'a> {
    #[serde(borrow)]
    pub contact_number: Scalar<'a>,
    pub individual_contact: Node<Individual<'a>>,
    pub contact_qualities: List<Quality<'a>>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct Individual<'a> {
    #[serde(borrow)]
    pub firstname: Scalar<'a>,
    pub lastname: Scalar<'a>,
    pub title: Scalar<'a>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct Quality<'a> {
    #[serde(borrow)]
    pub code: Scalar<'a>,
    pub name: Label<'a>,
}

/// `{"translations": [{"locale", "value"}]}`.
pub(super) type Label<'a> = Node<Translations<'a>>;

#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct Translations<'a> {
    #[serde(borrow)]
    pub translations: List<Translation<'a>>,
}

#[derive(Deserialize, Debug, Default)]
#[serde(default)]
pub(super) struct Translation<'a> {
    #[serde(borrow)]
    pub locale: Scalar<'a>,
    pub value: Scalar<'a>,
}
