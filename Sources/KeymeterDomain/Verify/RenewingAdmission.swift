/// Tells which keys authenticate; put before admission only while more than one pepper is active.
struct RenewingAdmission: AdmissionControl {
  private let base: any AdmissionControl
  private let renewal: any DigestRenewal

  init(_ base: any AdmissionControl, renewal: any DigestRenewal) {
    self.base = base
    self.renewal = renewal
  }

  nonisolated(nonsending) func admit(_ request: AdmissionRequest) async throws -> Admission {
    let admission = try await base.admit(request)
    note(admission, of: request)
    return admission
  }

  func admit(
    _ request: AdmissionRequest, then complete: @escaping @Sendable (Result<Admission, any Error>) -> Void
  ) {
    base.admit(request) { result in
      if case .success(let admission) = result { note(admission, of: request) }
      complete(result)
    }
  }

  private func note(_ admission: Admission, of request: AdmissionRequest) {
    if admission.isOfAnAuthenticKey { renewal.authenticated(request.hashes) }
  }
}

extension Admission {
  /// Whether the key was accepted as such, even if what it asked for was refused.
  fileprivate var isOfAnAuthenticKey: Bool {
    switch self {
    case .admitted, .refused(.addressNotAllowed, _), .refused(.environmentMismatch, _),
      .refused(.scopeMissing, _), .refused(.overLimit, _):
      true
    case .refused(.unknownProvider, _), .refused(.unknownKey, _), .refused(.revoked, _),
      .refused(.expired, _):
      false
    }
  }
}
