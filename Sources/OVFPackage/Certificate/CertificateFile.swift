// The certificate of a package: a signature over its manifest, and who made it.
// SPDX-License-Identifier: Apache-2.0

package import ByteSources
import SwiftASN1
import X509

/// A `.cert` file, taken apart. Nothing of it is believed before `report` has checked it.
///
/// Two forms are known: a line `SHA256(name.mf)= signature` with the certificates in PEM, and a detached CMS
/// signature in PEM.
/// Spec: DSP0243 2.1, 6.4 "Certificate file"; RFC 5652 for CMS.
package struct CertificateFile: Sendable {
    package let form: Form
    /// The signer's first, where the file keeps to the standard.
    let certificates: [Certificate]
    let signature: Signature?
    /// Why a part of the file could not be read.
    package let problems: [String]

    package enum Form: String, Sendable {
        case digestLine = "digest-line"
        case cms
        case unknown
    }

    enum Signature: Sendable {
        case line(SignatureLine)
        case cms(CMSSignedManifest)
    }

    /// `ALG(name)= hex`, where the digits may go on in the lines that follow.
    struct SignatureLine: Sendable, Equatable {
        let algorithm: DigestAlgorithm
        let manifestName: [UInt8]
        let signature: [UInt8]
    }

    /// Longest certificate file, in bytes.
    package static let maximumByteCount: UInt64 = 1 << 20
    /// Most certificates that are looked at.
    static let maximumCertificateCount = 32
    /// Most lines that a signature is looked for in.
    private static let maximumLineCount = 65_536

    /// Reads and parses `source`.
    /// - Throws: `ReadError` where it cannot be read or is too long.
    package init(reading source: any ByteSource) throws(ReadError) {
        guard source.byteCount <= Self.maximumByteCount else {
            throw .unsupported(feature: "a certificate file longer than \(Self.maximumByteCount) bytes")
        }
        self.init(parsing: try source.bytes(Int(source.byteCount), at: 0))
    }

    /// Parses a certificate file. What cannot be read is a problem, never an error.
    package init(parsing bytes: [UInt8]) {
        let (blocks, hasMore, head) = PEMBlock.split(bytes, atMost: Self.maximumCertificateCount)
        var certificates: [Certificate] = []
        var problems = CertificateProblems()
        var cms: CMSSignedManifest?
        if hasMore {
            problems.add("only the first \(Self.maximumCertificateCount) blocks are looked at")
        }
        for block in blocks {
            do {
                switch block.label {
                case _ where block.isCertificate:
                    certificates.append(try Certificate(comparable: block.contents()))
                case "CMS", "PKCS7", "PKCS #7 SIGNED DATA":
                    let signed = try CMSSignedManifest(parsing: block.contents())
                    certificates += signed.certificates
                    for problem in signed.problems { problems.add(problem) }
                    cms = signed
                default: problems.add("a block of the type \"\(block.label.text)\" is not used")
                }
            } catch {
                problems.add("a block of the type \"\(block.label.text)\" cannot be read: \(error)")
            }
        }
        let line = Self.signatureLine(head)
        // Each key is tried on the whole manifest: the certificates of all blocks together are bounded.
        if certificates.count > Self.maximumCertificateCount {
            problems.add("only the first \(Self.maximumCertificateCount) certificates are looked at")
        }
        self.certificates = Array(certificates.prefix(Self.maximumCertificateCount))
        if let line {
            form = .digestLine
            signature = .line(line)
        } else if let cms {
            form = .cms
            signature = .cms(cms)
        } else {
            form = .unknown
            signature = nil
            problems.add("there is no signature that can be read")
        }
        self.problems = problems.lines
    }

    /// The line in front of the first PEM block.
    private static func signatureLine(_ head: [UInt8]) -> SignatureLine? {
        let lines = Array(
            ByteLines(head[...]).lazy.map(\.trimmed).filter { !$0.isEmpty }
                .prefix(maximumLineCount))
        for (index, line) in lines.enumerated() {
            guard let open = line.firstIndex(of: UInt8(ascii: "(")),
                let close = line.lastIndex(of: UInt8(ascii: ")")),
                open < close,
                let algorithm = DigestAlgorithm(spelling: line[..<open].trimmed)
            else { continue }
            let rest = line[(close + 1)...].trimmed
            guard rest.first == UInt8(ascii: "=") else { continue }
            // Old programs broke the digits into lines.
            let more = lines[(index + 1)...].prefix { $0.allSatisfy { Hexadecimal.digit($0) != nil } }
            let digits = Array(rest.dropFirst().trimmed) + more.joined()
            guard !digits.isEmpty, let signature = Hexadecimal.bytes(digits) else { continue }
            return SignatureLine(
                algorithm: algorithm, manifestName: Array(line[(open + 1)..<close].trimmed),
                signature: signature)
        }
        return nil
    }
}
