// What a chain of certificates must be for to sign an appliance.
// SPDX-License-Identifier: Apache-2.0

import SwiftASN1
import X509

/// Key usage, extended key usage and the algorithms of a signer's chain.
///
/// Where a certificate says what it is for, signing must be among it: a key usage with digitalSignature or
/// nonRepudiation, and an extended key usage with code signing (an appliance is code that is run), e-mail
/// protection (what CMS signatures of people and companies are made with) or any. One that is silent about it may
/// sign. A certificate for TLS servers only is handed out to whoever has a host name, and signs no appliance.
/// Spec: RFC 5280, 4.2.1.3 "Key Usage" and 4.2.1.12 "Extended Key Usage".
struct SigningPolicy: VerifierPolicy, Sendable {
    let verifyingCriticalExtensions: [ASN1ObjectIdentifier] = [
        .X509ExtensionID.keyUsage, .X509ExtensionID.extendedKeyUsage,
    ]

    private static let purposes: [ExtendedKeyUsage.Usage] = [.codeSigning, .emailProtection, .any]

    func chainMeetsPolicyRequirements(chain: UnverifiedCertificateChain) async -> PolicyEvaluationResult {
        if let problem = Self.problem(of: chain.leaf) { return .failsToMeetPolicy(reason: problem) }
        for (depth, certificate) in chain.enumerated().dropFirst() {
            let isRoot = depth == chain.count - 1
            if let problem = Self.problem(ofIssuer: certificate, isRoot: isRoot) {
                return .failsToMeetPolicy(reason: problem)
            }
        }
        // Nobody's signature is needed on the one that is trusted by itself.
        for certificate in chain.dropLast() where certificate.signatureAlgorithm == .sha1WithRSAEncryption {
            let subject = certificate.subject.description
            return .failsToMeetPolicy(reason: "the certificate of \(subject) is signed with SHA-1")
        }
        return .meetsPolicy
    }

    /// Why a certificate does not sign appliances; nil where it may.
    static func problem(of signer: Certificate) -> String? {
        do {
            if let usage = try signer.extensions.keyUsage, !usage.digitalSignature, !usage.nonRepudiation {
                return "the signer's certificate is not for signing (key usage)"
            }
            return try purposeProblem(of: signer, called: "the signer's certificate")
        } catch {
            return "the signer's certificate says what it is for in a way that cannot be read"
        }
    }

    private static func problem(ofIssuer certificate: Certificate, isRoot: Bool) -> String? {
        let name = "the certificate of \(certificate.subject)"
        do {
            if let usage = try certificate.extensions.keyUsage, !usage.keyCertSign {
                return "\(name) is not for signing certificates (key usage)"
            }
            // What a trusted certificate is for, the user has decided.
            return isRoot ? nil : try purposeProblem(of: certificate, called: name)
        } catch {
            return "\(name) says what it is for in a way that cannot be read"
        }
    }

    private static func purposeProblem(of certificate: Certificate, called name: String) throws -> String? {
        guard let usages = try certificate.extensions.extendedKeyUsage,
            !usages.contains(where: { purposes.contains($0) })
        else { return nil }
        let shown = usages.prefix(4).map { "\($0)" }.joined(separator: ", ")
        return "\(name) is for \(shown), not for signing (extended key usage)"
    }
}
