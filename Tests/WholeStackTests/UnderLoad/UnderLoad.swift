import Testing

/// What must hold while many ask at once and things break.
///
/// One at a time: each takes all of the machine that it can get.
@Suite("Exact under load", .serialized, .timeLimit(.minutes(5)))
enum UnderLoad {}
