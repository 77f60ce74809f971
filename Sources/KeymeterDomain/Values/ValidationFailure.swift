/// What is wrong with one part of the input.
public struct FieldError: Sendable, Hashable {
  /// The input's name as the caller wrote it (`usage_limit`).
  public let field: String
  /// What it must be, ready to be shown; never holds a secret.
  public let message: String

  /// What is wrong with `field`.
  public init(field: String, message: String) {
    self.field = field
    self.message = message
  }
}

/// Input that can't be used; names every field that is wrong.
public struct ValidationFailure: Error, Sendable, Hashable {
  /// At least one error, in the order in which they were found.
  public let errors: [FieldError]

  /// A failure of several fields.
  public init(_ errors: [FieldError]) { self.errors = errors }

  /// A failure of one field.
  public init(field: String, _ message: String) {
    self.init([FieldError(field: field, message: message)])
  }
}
