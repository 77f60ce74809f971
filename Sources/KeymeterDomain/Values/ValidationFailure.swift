/// An error in one input field.
public struct FieldError: Sendable, Hashable {
  /// The input's name as the caller wrote it (`usage_limit`).
  public let field: String
  /// What the field must be, ready to show to the caller.
  ///
  /// Never contains a secret.
  public let message: String

  /// Creates an error about `field`.
  public init(field: String, message: String) {
    self.field = field
    self.message = message
  }
}

/// Invalid input, with an error for every field that is wrong.
public struct ValidationFailure: Error, Sendable, Hashable {
  /// At least one error, in the order found.
  public let errors: [FieldError]

  /// Creates a failure of several fields.
  public init(_ errors: [FieldError]) { self.errors = errors }

  /// Creates a failure of one field.
  public init(field: String, _ message: String) {
    self.init([FieldError(field: field, message: message)])
  }
}
