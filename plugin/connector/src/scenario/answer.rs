//! The shape of SecuTix's answers: names of fields, and nothing of their meaning.
//!
//! Owns which fields are read. Bounded by leniency: whatever is not named here is skipped, whatever is of another kind is a misfit in its
//! place. Names that no source states are assumptions and listed as such in docs/assumptions.md.

use crate::lenient::{List, Node, fields};

fields! {
    /// `getFileDetails`, `getFileDetailsFromOrderSecretId`.
    struct FileAnswer<'a> {
        [status_code = "statusCode"]
        file_details_data: Node<FileDetails<'a>> = "fileDetailsData",
        order_details_datas: List<Order<'a>> = "orderDetailsDatas",
    }

    struct FileDetails<'a> {
        [file_id = "fileId", file_state = "fileState"]
    }

    struct Order<'a> {
        [order_id = "orderId", order_secret_id = "orderSecretId", order_type = "orderType",
            order_originator = "orderOriginator", creation_date_time = "creationDateTime"]
        operation_datas: List<Operation<'a>> = "operationDatas",
        movement_datas: List<Movement<'a>> = "movementDatas",
    }

    struct Operation<'a> {
        [operation_id = "operationId", kind = "kind", product_id = "productId", product_code = "productCode",
            product_state = "productState", product_family_sub_type = "productFamilySubType",
            performance_id = "performanceId", performance_start_date = "performanceStartDate",
            performance_end_date = "performanceEndDate", doors_open_date = "doorsOpenDate"]
        product_external_name: Label<'a> = "productExternalName",
        comfort_variable_values: List<ComfortVariable<'a>> = "comfortVariableValues",
        locations: List<Location<'a>> = "locations",
        /// Where The Wallet Crew's field mapping has it (domain.md 1.4); the order model has it within `locations`.
        site_address: Node<Address<'a>> = "siteAddress",
        performances: List<Performance<'a>> = "performances",
    }

    struct Performance<'a> {
        [performance_id = "performanceId", performance_start_date = "performanceStartDate",
            performance_end_date = "performanceEndDate", doors_open_date = "doorsOpenDate"]
        performance_name: Label<'a> = "performanceName",
        locations: List<Location<'a>> = "locations",
    }

    struct ComfortVariable<'a> {
        [code = "code", value = "value"]
    }

    struct Location<'a> {
        []
        site_name: Label<'a> = "siteName",
        space_name: Label<'a> = "spaceName",
        site_address: Node<Address<'a>> = "siteAddress",
    }

    struct Address<'a> {
        [first_address_line = "firstAddressLine", zip_code = "zipCode", locality = "locality",
            country_code = "countryCode", latitude = "latitude", longitude = "longitude"]
    }

    struct Movement<'a> {
        [movement_id = "movementId", operation_id = "operationId", kind = "type",
            movement_state = "movementState", bar_code = "barCode",
            beneficiary_firstname = "beneficiaryFirstname", beneficiary_lastname = "beneficiaryLastname",
            cultural_contact_number = "culturalContactNumber", area = "area", gate = "gate", row = "row",
            seat = "seat", seat_category = "seatCategory", audience_sub_category = "audienceSubCategory",
            tariff = "tariff", start_validity_date = "startValidityDate", end_validity_date = "endValidityDate"]
        tickets: List<Ticket<'a>> = "tickets",
    }

    struct Ticket<'a> {
        [ticket_id = "ticketId", barcode = "barcode", ticket_state = "ticketState"]
    }

    /// `getContactData`.
    struct ContactAnswer<'a> {
        [status_code = "statusCode"]
        contact_data: Node<Contact<'a>> = "contactData",
    }

    struct Contact<'a> {
        [contact_number = "contactNumber"]
        individual_contact: Node<Individual<'a>> = "individualContact",
        contact_qualities: List<Quality<'a>> = "contactQualities",
    }

    struct Individual<'a> {
        [firstname = "firstname", lastname = "lastname", title = "title"]
    }

    struct Quality<'a> {
        [code = "code"]
        name: Label<'a> = "name",
    }

    struct Translations<'a> {
        []
        translations: List<Translation<'a>> = "translations",
    }

    struct Translation<'a> {
        [locale = "locale", value = "value"]
    }
}

/// `{"translations": [{"locale", "value"}]}`.
pub(super) type Label<'a> = Node<Translations<'a>>;
