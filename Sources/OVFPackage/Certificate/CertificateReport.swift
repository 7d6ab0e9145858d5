// What the check of a package's certificate found.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import SwiftASN1
import Synchronization
import X509

/// Who signed a manifest, whether they did, and whether they are trusted.
package struct CertificateReport: Sendable, Equatable {
    package let form: CertificateFile.Form
    package let signature: SignatureState
    package let validity: Validity
    package let trust: Trust
    /// The certificate whose key made the signature; where none did, the first.
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
        /// No chain leads to a trusted certificate; why.
        case untrusted(String)
    }

    /// Whose certificates are believed.
    package enum TrustAnchors: Sendable {
        /// The system's certificate authorities.
        case system
        /// The certificates of a PEM file.
        case pem([UInt8])
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

    init(_ certificate: Certificate) {
        subject = certificate.subject.description
        issuer = certificate.issuer.description
        serialNumber = Hexadecimal.text(certificate.serialNumber.bytes)
        notBefore = Int64(certificate.notValidBefore.timeIntervalSince1970)
        notAfter = Int64(certificate.notValidAfter.timeIntervalSince1970)
        publicKey = certificate.publicKey.description
    }
}

extension CertificateFile {
    /// Checks the signature over `manifest`, the bytes of the manifest, and who made it.
    ///
    /// `now` is in seconds since 1970.
    package func report(
        on manifest: [UInt8], named manifestName: [UInt8],
        trusting anchors: CertificateReport.TrustAnchors = .system,
        now: Int64 = Int64(Date().timeIntervalSince1970)
    ) async -> CertificateReport {
        var problems = problems
        let (state, index) = checkSignature(manifest)
        if case .line(let line)? = signature, line.manifestName != manifestName {
            let name = String(displaying: line.manifestName)
            problems.append("the signature is said to be of \"\(name)\", not of the package's manifest")
        }
        let signer = certificates.indices.contains(index) ? certificates[index] : certificates.first
        let trust: CertificateReport.Trust
        if let signer {
            trust = await Self.trust(signer, certificates, anchors, &problems)
        } else {
            trust = .untrusted("there is no certificate that can be read")
        }
        return CertificateReport(
            form: form, signature: state, validity: Self.validity(signer, now), trust: trust,
            signer: signer.map { CertificateSummary($0) },
            certificates: certificates.map { CertificateSummary($0) }, problems: problems)
    }

    /// The same for callers that are not asynchronous. Not to be called on a task's thread.
    package func blockingReport(
        on manifest: [UInt8], named manifestName: [UInt8],
        trusting anchors: CertificateReport.TrustAnchors = .system
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
            ?? CertificateReport(
                form: form, signature: .unsupported("the check did not end"), validity: .unknown,
                trust: .untrusted("the check did not end"), signer: nil, certificates: [], problems: problems)
    }

    /// Whether one of the certificates' keys made the signature, and which.
    private func checkSignature(_ manifest: [UInt8]) -> (state: CertificateReport.SignatureState, index: Int)
    {
        guard let signature else { return (.unsupported("there is no signature that can be read"), 0) }
        guard !certificates.isEmpty else {
            return (.unsupported("there is no certificate that can be read"), 0)
        }
        let digest: DigestAlgorithm
        let isValid: (Certificate.PublicKey) -> Bool
        switch signature {
        case .line(let line):
            digest = line.algorithm
            isValid = { ManifestSignature.isValid(line.signature, over: manifest, digest, by: $0) }
        case .cms(let cms):
            digest = cms.digestAlgorithm
            isValid = { cms.isValid(for: manifest, by: $0) }
        }
        guard !ManifestSignature.algorithms(digest).isEmpty else {
            return (.unsupported("signatures with \(digest.rawValue.uppercased()) are not accepted"), 0)
        }
        let index = certificates.firstIndex { isValid($0.publicKey) }
        return index.map { (.valid(digest), $0) } ?? (.invalid, 0)
    }

    private static func validity(_ certificate: Certificate?, _ now: Int64) -> CertificateReport.Validity {
        guard let certificate else { return .unknown }
        let summary = CertificateSummary(certificate)
        if now < summary.notBefore { return .notYetValid }
        return now > summary.notAfter ? .expired : .valid
    }

    private static func trust(
        _ signer: Certificate, _ others: [Certificate], _ anchors: CertificateReport.TrustAnchors,
        _ problems: inout [String]
    ) async -> CertificateReport.Trust {
        let roots: CertificateStore
        switch anchors {
        case .system: roots = .systemTrustRoots
        case .pem(let bytes):
            let blocks = PEMBlock.split(bytes).blocks
            let certificates = blocks.compactMap { try? Certificate(derEncoded: $0.contents()) }
            if certificates.isEmpty { problems.append("the file of trusted certificates holds none") }
            roots = CertificateStore(certificates)
        }
        var verifier = Verifier(rootCertificates: roots) { RFC5280Policy() }
        switch await verifier.validate(leaf: signer, intermediates: CertificateStore(others)) {
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
