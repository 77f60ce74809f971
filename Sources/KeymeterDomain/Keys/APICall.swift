/// One API call: the client's credentials, and the request id that the response, the log and the audit entry
/// share.
public struct APICall: Sendable {
  /// The client's credentials.
  public let credentials: Credentials
  /// The request's id.
  public let requestID: RequestID
  private let onIdentified: @Sendable (CallerIdentity) -> Void

  /// A call with these credentials.
  ///
  /// - Parameter onIdentified: Runs when the presented key is found, even if the call is rejected afterwards.
  ///   It runs again if the transaction is retried.
  public init(
    _ credentials: Credentials, requestID: RequestID,
    onIdentified: @escaping @Sendable (CallerIdentity) -> Void = { _ in }
  ) {
    self.credentials = credentials
    self.requestID = requestID
    self.onIdentified = onIdentified
  }

  func identified(_ organisation: OrganisationID, _ key: KeyID) {
    onIdentified(CallerIdentity(organisationID: organisation, keyID: key))
  }

  func identified(_ snapshot: KeyUsageSnapshot?) {
    if let snapshot { identified(snapshot.organisationID, snapshot.keyID) }
  }
}

/// The key that made a call, for the access log.
public struct CallerIdentity: Sendable, Hashable {
  /// The key's organisation.
  public let organisationID: OrganisationID
  /// The key.
  public let keyID: KeyID

  /// The identity of a caller.
  public init(organisationID: OrganisationID, keyID: KeyID) {
    self.organisationID = organisationID
    self.keyID = keyID
  }
}
