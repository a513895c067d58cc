//! Cases whose task is tried again and again: their answer is one that no run can use, or shows a ticket that the example's template cannot
//! be filled from.
//!
//! A host tries for minutes of real time before it gives up, and a person who asks meanwhile waits for its run. All of them together are no part
//! of a test run; `CASE=name` plays one (15 seconds and more), and the connector's own suite plays all of them.

pub const RETRIED: [&str; 39] = [
    "answer-in-progress",
    "answer-refused",
    "answer-that-is-a-list",
    "answer-that-lost-the-movements-of-an-order",
    "answer-that-lost-the-operation-of-a-movement",
    "answer-with-a-movement-without-number",
    "answer-with-an-empty-list-of-orders",
    "answer-with-an-order-without-number",
    "answer-with-null-for-orders",
    "answer-with-wrong-types-in-optional-places",
    "answer-without-file",
    "answer-without-file-number",
    "answer-without-orders",
    "answer-without-status",
    "exchange-order-is-all-that-names-the-old-movement",
    "exchange-that-names-a-movement-in-the-bare-shape",
    "hostile-depth",
    "hostile-duplicate-keys",
    "hostile-empty-body",
    "hostile-huge-int64",
    "hostile-huge-numbers",
    "hostile-numbers-beyond-floating-point",
    "hostile-raw-nul-bytes",
    "hostile-ten-thousand-exchanges",
    "hostile-ten-thousand-movements",
    "hostile-truncated-json",
    "hostile-truncated-utf-8",
    "hostile-wrong-types-everywhere",
    "later-order-that-says-alive-and-nothing-else",
    "later-order-that-tells-the-new-ticket-and-not-its-place",
    "notification-as-documented",
    "notification-with-nulls",
    "notification-with-numbers-beyond-floating-point",
    "notification-with-unknown-state-and-fields",
    "notification-with-vendor-media-type",
    "own-order-names-a-movement-by-its-number-alone",
    "refund-that-a-later-sale-takes-back",
    "refund-that-names-a-movement-in-the-bare-shape",
    "replacement-that-names-a-movement-in-the-bare-shape",
];

pub const BECAUSE: &str = "its task is tried again for longer than a test waits; CASE=name plays one";
