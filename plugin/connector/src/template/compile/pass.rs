//! What both wallets show of a pass: description, issuer, barcode.

use super::condition::Condition;
use super::context::{Allowed, Context};
use super::document::Section;
use super::tree::{Node, Part};
use super::wording::Words;

pub(super) struct BarcodeFormat {
    pub apple: &'static str,
    /// For phones that do not know it: those before iOS 27.
    pub older: Option<&'static str>,
    google: &'static str,
    pub square: bool,
}

/// What both wallets draw.
const NAMES: [&str; 8] = ["qr", "pdf417", "aztec", "code128", "code39", "codabar", "ean13", "i2of5"];
static FORMATS: [BarcodeFormat; 8] = [
    BarcodeFormat { apple: "PKBarcodeFormatQR", older: None, google: "QR_CODE", square: true },
    BarcodeFormat { apple: "PKBarcodeFormatPDF417", older: None, google: "PDF_417", square: false },
    BarcodeFormat { apple: "PKBarcodeFormatAztec", older: None, google: "AZTEC", square: true },
    BarcodeFormat { apple: CODE_128, older: None, google: "CODE_128", square: false },
    BarcodeFormat { apple: "PKBarcodeFormatCode39", older: Some(CODE_128), google: "CODE_39", square: false },
    BarcodeFormat { apple: "PKBarcodeFormatCodabar", older: Some(CODE_128), google: "CODABAR", square: false },
    BarcodeFormat { apple: "PKBarcodeFormatEAN13", older: Some(CODE_128), google: "EAN_13", square: false },
    BarcodeFormat { apple: "PKBarcodeFormatI2of5", older: Some(CODE_128), google: "ITF_14", square: false },
];
const CODE_128: &str = "PKBarcodeFormatCode128";

/// What Google draws and Apple does not; `text` is the message without a code. Google's words are beside ours.
const GOOGLE_NAMES: [&str; 12] =
    ["qr", "pdf417", "aztec", "code128", "code39", "codabar", "ean13", "i2of5", "datamatrix", "ean8", "upca", "text"];
const GOOGLE_FORMATS: [&str; 12] = [
    "QR_CODE",
    "PDF_417",
    "AZTEC",
    "CODE_128",
    "CODE_39",
    "CODABAR",
    "EAN_13",
    "ITF_14",
    "DATA_MATRIX",
    "EAN_8",
    "UPC_A",
    "TEXT_ONLY",
];

pub(super) struct Barcode {
    pub format: &'static BarcodeFormat,
    /// Google's word for its own format.
    google: &'static str,
    pub message: Words,
    /// Beneath it.
    pub text: Option<Words>,
    pub when: Condition,
}

pub(super) struct Common {
    pub description: Option<Words>,
    pub organization: Option<Words>,
    pub barcode: Option<Barcode>,
    pub square_barcode: bool,
}

pub(super) fn common<'s>(context: &Context<'s>, root: &Section<'s>) -> Common {
    let description = root.written("description");
    if description.is_none() {
        root.missing("description");
    }
    let description = description.and_then(|text| context.words(&text, Allowed::All, false));
    // In Google's class as well, hence nothing of a ticket.
    let organization = match root.written("organization") {
        Some(text) => context.words(&text, Allowed::NotHolder, false),
        None => context.default_words("{host.organization!}", &root.place),
    };
    let barcode = root.section("barcode").and_then(|section| {
        let when = context.when(&section, Allowed::NotEvent);
        let format = match section.one_of("format", &NAMES) {
            Some(at) => FORMATS.get(at),
            None => FORMATS.first(),
        };
        // Other than Apple's, where the template says so: readers at a gate know formats that Apple does not draw.
        let google = section.one_of("google", &GOOGLE_NAMES).and_then(|at| GOOGLE_FORMATS.get(at).copied());
        let message = match section.written("message") {
            Some(text) => context.uniform(&text, Allowed::NotEvent),
            None => context.default_words("{barCode!}", &section.place),
        };
        let text = section.written("text").and_then(|text| context.uniform(&text, Allowed::NotEvent));
        section.finish();
        let format = format?;
        Some(Barcode { format, google: google.unwrap_or(format.google), message: message?, text, when })
    });
    let square_barcode = barcode.as_ref().is_some_and(|barcode| barcode.format.square);
    Common { description, organization, barcode, square_barcode }
}

impl Barcode {
    pub(super) fn google(&self) -> Node {
        let mut members = vec![
            Node::leaf(vec![
                Part::Raw(format!("\"type\":\"{}\",\"value\":", self.google)),
                Part::Plain(self.message.clone()),
            ])
            .demanded(),
        ];
        members.extend(self.text.clone().map(|text| Node::member("alternateText", Part::Plain(text))));
        Node::object("\"barcode\":", members).only(&self.when)
    }
}
