//! The shape of SecuTix's answers: names of fields, and nothing of their meaning.
//!
//! Owns which fields are read. Bounded by leniency: whatever is not named here is skipped, whatever is of another kind is a misfit in its
//! place. Names that no source states are assumptions and listed as such in docs/assumptions.md.

use crate::lenient::{List, Node, Scalar, fields};

fields! {
    /// `getFileDetails`, `getFileDetailsFromOrderSecretId`.
    struct FileAnswer<'a> {
        status_code: Scalar<'a> = "statusCode",
        file_details_data: Node<FileDetails<'a>> = "fileDetailsData",
        order_details_datas: List<Order<'a>> = "orderDetailsDatas",
    }

    struct FileDetails<'a> {
        file_id: Scalar<'a> = "fileId",
        file_state: Scalar<'a> = "fileState",
    }

    struct Order<'a> {
        order_id: Scalar<'a> = "orderId",
        order_secret_id: Scalar<'a> = "orderSecretId",
        order_type: Scalar<'a> = "orderType",
        order_originator: Scalar<'a> = "orderOriginator",
        creation_date_time: Scalar<'a> = "creationDateTime",
        operation_datas: List<Operation<'a>> = "operationDatas",
        movement_datas: List<Movement<'a>> = "movementDatas",
    }

    struct Operation<'a> {
        operation_id: Scalar<'a> = "operationId",
        kind: Scalar<'a> = "kind",
        product_id: Scalar<'a> = "productId",
        product_code: Scalar<'a> = "productCode",
        product_state: Scalar<'a> = "productState",
        product_family_sub_type: Scalar<'a> = "productFamilySubType",
        product_external_name: Label<'a> = "productExternalName",
        performance_id: Scalar<'a> = "performanceId",
        performance_start_date: Scalar<'a> = "performanceStartDate",
        performance_end_date: Scalar<'a> = "performanceEndDate",
        doors_open_date: Scalar<'a> = "doorsOpenDate",
        comfort_variable_values: List<ComfortVariable<'a>> = "comfortVariableValues",
        locations: List<Location<'a>> = "locations",
        /// Where The Wallet Crew's field mapping has it (domain.md 1.4); the order model has it within `locations`.
        site_address: Node<Address<'a>> = "siteAddress",
        performances: List<Performance<'a>> = "performances",
    }

    struct Performance<'a> {
        performance_id: Scalar<'a> = "performanceId",
        performance_name: Label<'a> = "performanceName",
        performance_start_date: Scalar<'a> = "performanceStartDate",
        performance_end_date: Scalar<'a> = "performanceEndDate",
        doors_open_date: Scalar<'a> = "doorsOpenDate",
        locations: List<Location<'a>> = "locations",
    }

    struct ComfortVariable<'a> {
        code: Scalar<'a> = "code",
        value: Scalar<'a> = "value",
    }

    struct Location<'a> {
        site_name: Label<'a> = "siteName",
        space_name: Label<'a> = "spaceName",
        site_address: Node<Address<'a>> = "siteAddress",
    }

    struct Address<'a> {
        first_address_line: Scalar<'a> = "firstAddressLine",
        zip_code: Scalar<'a> = "zipCode",
        locality: Scalar<'a> = "locality",
        country_code: Scalar<'a> = "countryCode",
        latitude: Scalar<'a> = "latitude",
        longitude: Scalar<'a> = "longitude",
    }

    struct Movement<'a> {
        movement_id: Scalar<'a> = "movementId",
        operation_id: Scalar<'a> = "operationId",
        kind: Scalar<'a> = "type",
        movement_state: Scalar<'a> = "movementState",
        bar_code: Scalar<'a> = "barCode",
        beneficiary_firstname: Scalar<'a> = "beneficiaryFirstname",
        beneficiary_lastname: Scalar<'a> = "beneficiaryLastname",
        cultural_contact_number: Scalar<'a> = "culturalContactNumber",
        area: Scalar<'a> = "area",
        gate: Scalar<'a> = "gate",
        row: Scalar<'a> = "row",
        seat: Scalar<'a> = "seat",
        seat_category: Scalar<'a> = "seatCategory",
        audience_sub_category: Scalar<'a> = "audienceSubCategory",
        tariff: Scalar<'a> = "tariff",
        start_validity_date: Scalar<'a> = "startValidityDate",
        end_validity_date: Scalar<'a> = "endValidityDate",
        tickets: List<Ticket<'a>> = "tickets",
    }

    struct Ticket<'a> {
        ticket_id: Scalar<'a> = "ticketId",
        barcode: Scalar<'a> = "barcode",
        ticket_state: Scalar<'a> = "ticketState",
    }

    /// `getContactData`.
    struct ContactAnswer<'a> {
        status_code: Scalar<'a> = "statusCode",
        contact_data: Node<Contact<'a>> = "contactData",
    }

    struct Contact<'a> {
        contact_number: Scalar<'a> = "contactNumber",
        individual_contact: Node<Individual<'a>> = "individualContact",
        contact_qualities: List<Quality<'a>> = "contactQualities",
    }

    struct Individual<'a> {
        firstname: Scalar<'a> = "firstname",
        lastname: Scalar<'a> = "lastname",
        title: Scalar<'a> = "title",
    }

    struct Quality<'a> {
        code: Scalar<'a> = "code",
        name: Label<'a> = "name",
    }

    struct Translations<'a> {
        translations: List<Translation<'a>> = "translations",
    }

    struct Translation<'a> {
        locale: Scalar<'a> = "locale",
        value: Scalar<'a> = "value",
    }
}

/// `{"translations": [{"locale", "value"}]}`.
pub(super) type Label<'a> = Node<Translations<'a>>;
