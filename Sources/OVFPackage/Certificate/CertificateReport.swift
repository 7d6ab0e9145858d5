// What the check of a package's certificate found.
// SPDX-License-Identifier: Apache-2.0

import Dispatch
import FoundationEssentials
import SwiftASN1
import Synchronization
import X509

/// Who signed a manifest, whether they did, and whether they are trusted.
package struct CertificateReport: Sendable, Equatable {
    package let form: CertificateFile.Form
    package let signature: SignatureState
    /// How the signature was made, such as "SHA256 with RSA2048"; nil where none could be checked.
    package let algorithm: String?
    package let validity: Validity
    package let trust: Trust
    /// The certificate whose key made the signature: of several with that key a trusted one, else one that is valid
    /// now; where none has it, the first.
    package let signer: CertificateSummary?
    /// Every certificate of the file, in its order.
    package let certificates: [CertificateSummary]
    /// What could not be read, and what does not fit, one line each.
    package let problems: [String]

    package enum SignatureState: Sendable, Equatable {
        case valid(DigestAlgorithm)
        /// The manifest or the signature was changed, or another key made it.
        case invalid
        /// It could not be checked; why.
        case unsupported(String)
    }

    package enum Validity: String, Sendable {
        case valid
        case notYetValid = "not-yet-valid"
        case expired
        case unknown
    }

    package enum Trust: Sendable, Equatable {
        case trusted
        /// No chain leads to a trusted certificate, or what does is not for signing; why.
        case untrusted(String)
        /// Nobody said whom to trust.
        case notChecked
    }

    /// What is reported of a signature that could not be checked for `reason`; never trusted.
    package static func failed(_ reason: String, _ anchors: TrustAnchors?) -> CertificateReport {
        CertificateReport(
            form: .unknown, signature: .unsupported(reason), algorithm: nil, validity: .unknown,
            trust: anchors == nil ? .notChecked : .untrusted(reason), signer: nil, certificates: [],
            problems: [])
    }
}

/// What a certificate says of itself.
package struct CertificateSummary: Sendable, Equatable {
    package let subject: String
    package let issuer: String
    /// As hexadecimal digits.
    package let serialNumber: String
    /// In seconds since 1970.
    package let notBefore: Int64
    /// In seconds since 1970.
    package let notAfter: Int64
    /// Such as "RSA2048.PublicKey".
    package let publicKey: String

    /// Longest text of a certificate that is shown, in bytes.
    private static let maximumTextByteCount = 1_000

    init(_ certificate: Certificate) {
        subject = certificate.subject.description.quotable(upTo: Self.maximumTextByteCount)
        issuer = certificate.issuer.description.quotable(upTo: Self.maximumTextByteCount)
        serialNumber = Hexadecimal.text(certificate.serialNumber.bytes).quotable(
            upTo: Self.maximumTextByteCount)
        notBefore = Int64(certificate.notValidBefore.timeIntervalSince1970)
        notAfter = Int64(certificate.notValidAfter.timeIntervalSince1970)
        publicKey = certificate.publicKey.description
    }
}

extension CertificateFile {
    /// Checks the signature over `manifest`, the bytes of the manifest, and who made it.
    ///
    /// Without `anchors`, trust is not checked. `now` is in seconds since 1970.
    package func report(
        on manifest: [UInt8], named manifestName: [UInt8], trusting anchors: TrustAnchors? = nil,
        now: Int64 = Int64(Date().timeIntervalSince1970)
    ) async -> CertificateReport {
        var problems = problems
        let (state, holders) = checkSignature(manifest)
        if case .line(let line)? = signature, line.manifestName != manifestName {
            let name = String(displaying: line.manifestName)
            problems.append("the signature names \"\(name)\", not the package's manifest")
        }
        let (signer, trust) = await signer(state, among: holders, anchors, now)
        if let signer, let problem = SigningPolicy.problem(of: signer) { problems.append(problem) }
        var algorithm: String?
        if case .valid(let digest) = state, let signer { algorithm = Self.algorithm(digest, signer) }
        return CertificateReport(
            form: form, signature: state, algorithm: algorithm, validity: Self.validity(signer, now),
            trust: trust,
            signer: signer.map { CertificateSummary($0) },
            certificates: certificates.map { CertificateSummary($0) }, problems: problems)
    }

    /// The same for callers that are not asynchronous. Not to be called on a task's thread.
    package func blockingReport(
        on manifest: [UInt8], named manifestName: [UInt8], trusting anchors: TrustAnchors? = nil
    ) -> CertificateReport {
        let box = ResultBox()
        let done = DispatchSemaphore(value: 0)
        Task.detached {
            let report = await report(on: manifest, named: manifestName, trusting: anchors)
            box.value.withLock { $0 = report }
            done.signal()
        }
        done.wait()
        return box.value.withLock { $0 }
            ?? .failed("the check did not end", anchors)
    }

    /// The certificate to judge a signature by, and whether it is trusted.
    ///
    /// A renewed certificate has the key of the one before, and may stand beside it in any order; a key may also be
    /// certified by several authorities. `holders` are all with the key that made the signature.
    private func signer(
        _ state: CertificateReport.SignatureState, among holders: [Certificate], _ anchors: TrustAnchors?,
        _ now: Int64
    ) async -> (signer: Certificate?, trust: CertificateReport.Trust) {
        let isValid = { (certificate: Certificate) in Self.validity(certificate, now) == .valid }
        let ordered = holders.filter(isValid) + holders.filter { !isValid($0) }
        let first = ordered.first ?? certificates.first
        guard let anchors else { return (first, .notChecked) }
        for holder in ordered {
            let trust = await Self.trust(state, holder, certificates, anchors, now)
            if trust == .trusted { return (holder, trust) }
        }
        return (first, await Self.trust(state, first, certificates, anchors, now))
    }

    /// Whether one of the certificates' keys made the signature, and all that have this key.
    private func checkSignature(
        _ manifest: [UInt8]
    ) -> (state: CertificateReport.SignatureState, holders: [Certificate]) {
        guard let signature else { return (.unsupported("there is no signature that can be read"), []) }
        guard !certificates.isEmpty else {
            return (.unsupported("there is no certificate that can be read"), [])
        }
        let digest: DigestAlgorithm
        let signatureBytes: [UInt8]
        let signed: [UInt8]?
        switch signature {
        case .line(let line): (digest, signatureBytes, signed) = (line.algorithm, line.signature, manifest)
        case .cms(let cms):
            (digest, signatureBytes) = (cms.digestAlgorithm, cms.signature)
            signed = cms.signedBytes(for: manifest)
        }
        guard !ManifestSignature.algorithms(digest).isEmpty else {
            return (.unsupported("signatures with \(digest.rawValue.uppercased()) are not accepted"), [])
        }
        guard let signed else { return (.invalid, []) }
        let maker = certificates.first {
            ManifestSignature.isValid(signatureBytes, over: signed, digest, by: $0.publicKey)
        }
        guard let maker else { return (.invalid, []) }
        return (.valid(digest), certificates.filter { $0.publicKey == maker.publicKey })
    }

    static func validity(_ certificate: Certificate?, _ now: Int64) -> CertificateReport.Validity {
        guard let certificate else { return .unknown }
        let summary = CertificateSummary(certificate)
        if now < summary.notBefore { return .notYetValid }
        return now > summary.notAfter ? .expired : .valid
    }

    private static func algorithm(_ digest: DigestAlgorithm, _ signer: Certificate) -> String {
        let key = signer.publicKey.description.split(separator: ".").first.map(String.init) ?? "?"
        return "\(digest.rawValue.uppercased()) with \(key)"
    }

    /// Whether the signature is good enough, and a chain leads from its signer to one of `anchors`.
    private static func trust(
        _ state: CertificateReport.SignatureState, _ signer: Certificate?, _ others: [Certificate],
        _ anchors: TrustAnchors, _ now: Int64
    ) async -> CertificateReport.Trust {
        guard let signer else { return .untrusted("there is no certificate that can be read") }
        // Whose certificate is beside a signature that nobody made says nothing.
        guard case .valid(let digest) = state else { return .untrusted("there is no valid signature") }
        guard digest != .sha1 else {
            return .untrusted("the signature is made with SHA-1, with which two manifests can have one")
        }
        // The signer's own certificate is trusted as it is: nobody has to stand behind it.
        guard !anchors.certificates.contains(signer) else {
            let validity = validity(signer, now)
            if validity != .valid { return .untrusted("the signer's certificate is \(validity.rawValue)") }
            return SigningPolicy.problem(of: signer).map { .untrusted($0) } ?? .trusted
        }
        var verifier = Verifier(rootCertificates: CertificateStore(anchors.certificates)) {
            RFC5280Policy()
            SigningPolicy()
        }
        let intermediates = SigningPolicy.intermediates(of: signer, among: others, anchors, now: now)
        switch await verifier.validate(leaf: signer, intermediates: CertificateStore(intermediates)) {
        case .validCertificate: return .trusted
        case .couldNotValidate(let failures):
            let reason = failures.first.map { String(displaying: Array("\($0.policyFailureReason)".utf8)) }
            return .untrusted(reason ?? "no chain leads to a trusted certificate")
        }
    }
}

/// Carries a result from a task to the thread that waits for it.
private final class ResultBox: Sendable {
    let value = Mutex<CertificateReport?>(nil)
}
