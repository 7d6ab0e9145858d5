// A detached CMS signature over a manifest.
// SPDX-License-Identifier: Apache-2.0

import Crypto
import SwiftASN1
import X509

/// The parts of a CMS SignedData that say whether one signer signed a manifest.
/// Spec: RFC 5652, 5 "Signed-data Content Type".
struct CMSSignedManifest: Sendable {
    let certificates: [Certificate]
    let digestAlgorithm: DigestAlgorithm
    /// What the signer signed in place of the content, encoded as a SET; nil where the content itself is signed.
    private let signedAttributes: [UInt8]?
    /// The content's digest as the signed attributes give it.
    private let messageDigest: [UInt8]?
    /// The content, where it is not detached.
    private let content: [UInt8]?
    let signature: [UInt8]
    let problems: [String]

    private static let signedDataType: ASN1ObjectIdentifier = [1, 2, 840, 113549, 1, 7, 2]
    private static let messageDigestType: ASN1ObjectIdentifier = [1, 2, 840, 113549, 1, 9, 4]
    private static let digestAlgorithms: [ASN1ObjectIdentifier: DigestAlgorithm] = [
        [1, 3, 14, 3, 2, 26]: .sha1, [2, 16, 840, 1, 101, 3, 4, 2, 1]: .sha256,
        [2, 16, 840, 1, 101, 3, 4, 2, 2]: .sha384, [2, 16, 840, 1, 101, 3, 4, 2, 3]: .sha512,
    ]

    /// - Throws: where the bytes are no signed data with one signer.
    init(parsing bytes: [UInt8]) throws {
        let info = try Self.children(BER.parse(bytes))
        guard info.count == 2, try ASN1ObjectIdentifier(derEncoded: info[0]) == Self.signedDataType,
            let signedData = try Self.children(info[1]).first
        else { throw CMSError.notSignedData }
        let fields = try Self.children(signedData)
        guard fields.count >= 4, let signers = fields.last else { throw CMSError.notSignedData }
        content = try Self.content(fields[2])
        var certificates: [Certificate] = []
        var problems: [String] = []
        for field in fields[3...] where field.identifier == Self.context(0) {
            for node in try Self.children(field).prefix(CertificateFile.maximumCertificateCount) {
                do {
                    certificates.append(try Certificate(derEncoded: Array(node.encodedBytes)))
                } catch {
                    problems.append("a certificate cannot be read: \(error)")
                }
            }
        }
        self.certificates = certificates
        self.problems = problems
        let infos = try Self.children(signers)
        guard infos.count == 1 else { throw CMSError.severalSigners(infos.count) }
        var signer = try Self.children(infos[0])[...]
        guard signer.count >= 5 else { throw CMSError.notSignedData }
        signer = signer.dropFirst(2)
        let algorithm = try Self.children(signer.removeFirst()).first.map {
            try ASN1ObjectIdentifier(derEncoded: $0)
        }
        guard let algorithm, let digest = Self.digestAlgorithms[algorithm] else {
            throw CMSError.unknownDigest
        }
        digestAlgorithm = digest
        if let attributes = signer.first, attributes.identifier == Self.context(0) {
            signer.removeFirst()
            messageDigest = try Self.messageDigest(attributes)
            // They are signed with the tag of a SET, and stored with another.
            signedAttributes = [0x31] + attributes.encodedBytes.dropFirst()
        } else {
            messageDigest = nil
            signedAttributes = nil
        }
        guard signer.count >= 2 else { throw CMSError.notSignedData }
        signature = Array(try ASN1OctetString(berEncoded: signer[signer.startIndex + 1]).bytes)
    }

    /// What a key signed where the signature is over `manifest`; nil where it is over another text.
    func signedBytes(for manifest: [UInt8]) -> [UInt8]? {
        if let content, content != manifest { return nil }
        guard let signedAttributes else { return manifest }
        var digester = MemberDigester([digestAlgorithm])
        // SAFETY: bytes have no padding.
        digester.update(unsafe manifest.span.bytes)
        guard let messageDigest, digester.finish()[digestAlgorithm] == Hexadecimal.text(messageDigest) else {
            return nil
        }
        return signedAttributes
    }

    /// `[0] EXPLICIT OCTET STRING` behind the content's type.
    private static func content(_ info: ASN1Node) throws -> [UInt8]? {
        let fields = try children(info)
        guard fields.count > 1, let octets = try children(fields[1]).first else { return nil }
        return Array(try ASN1OctetString(berEncoded: octets).bytes)
    }

    private static func messageDigest(_ attributes: ASN1Node) throws -> [UInt8]? {
        for attribute in try children(attributes) {
            let fields = try children(attribute)
            guard fields.count == 2, try ASN1ObjectIdentifier(derEncoded: fields[0]) == messageDigestType,
                let value = try children(fields[1]).first
            else { continue }
            return Array(try ASN1OctetString(berEncoded: value).bytes)
        }
        return nil
    }

    private static func context(_ number: UInt) -> ASN1Identifier {
        ASN1Identifier(tagWithNumber: number, tagClass: .contextSpecific)
    }

    private static func children(_ node: ASN1Node) throws -> [ASN1Node] {
        guard case .constructed(let nodes) = node.content else { throw CMSError.notSignedData }
        return Array(nodes)
    }
}

/// Why a CMS block is no signature of a manifest.
enum CMSError: Error, Equatable, CustomStringConvertible {
    case notSignedData
    case severalSigners(Int)
    case unknownDigest

    var description: String {
        switch self {
        case .notSignedData: "it is not CMS signed data"
        case .severalSigners(let count): "it has \(count) signers, not one"
        case .unknownDigest: "its digest is not known"
        }
    }
}
