import Testing

/// The guarantees that must hold under concurrent load and while processes are killed.
///
/// One test at a time: each uses as much of the machine as it can.
@Suite("Under load", .serialized, .timeLimit(.minutes(10)))
enum UnderLoad {}
