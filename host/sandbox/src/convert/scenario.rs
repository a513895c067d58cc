//! The types of interface `scenario`, field by field.

use super::{Cross, contract, guest, record, variant};

record!(scenario::KnownPass { pass, subject, state, order, file, ticket, snapshot, shown });
record!(scenario::Hint { state, sale_movement, ticket });
variant!(scenario::Answer { File(value), Contact(value) });
record!(scenario::Observation { hints, answer, passes, events });
variant!(scenario::UseCase {
    EventChange,
    Reprint,
    HolderChange,
    CulturalContactChange,
    Replacement,
    Exchange,
    Cancellation,
    Purchase,
    EntryScan,
    Nothing,
    UnknownChange,
});
variant!(scenario::Confidence { Firm, Likely, Guess });
record!(scenario::Fact { observed, matrix, confidence });
record!(scenario::Facts {
    ticket_shop,
    back_office,
    new_transaction,
    new_ticket,
    new_movement,
    new_order,
    new_file,
    email_sent,
    update_pass,
    deactivate_pass,
});
record!(scenario::Finding { use_case, confidence, facts, originator, movements, successor });
record!(scenario::Reason { code, fields });
variant!(scenario::Evidence { Positive, Absence });
variant!(scenario::Action { Offer(value), Update(value), End(value), Revive(value), Keep });
record!(scenario::Operation { subject, pass, order, ticket, successor, action, reason });
record!(scenario::Verdict { file, orders, findings, operations, events, unsettled, unread });
variant!(scenario::Fault { NotReady, Refused(value), Unreadable(value) });
