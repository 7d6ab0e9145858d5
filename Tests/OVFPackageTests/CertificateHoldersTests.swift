// Tests of several certificates of one key, of one name, and of names that are slow to compare.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import OVFPackage

@Suite("Certificates that could be the signer's")
struct CertificateHoldersTests {
    /// Has the key of `signing` certified anew, under another name or for other days.
    private func certify(
        _ signing: Signing, as name: String, days: Int = 30, into file: String
    ) throws -> [UInt8] {
        try signing.openssl(["req", "-new", "-key", "key.pem", "-out", "again.pem", "-subj", "/CN=\(name)"])
        try signing.openssl([
            "x509", "-req", "-in", "again.pem", "-signkey", "key.pem", "-days", "\(days)", "-out", file,
        ])
        return try signing.bytes(file)
    }

    @Test(
        "of several certificates of one key the trusted one counts, in any order", arguments: [true, false])
    func oneKey(isTrustedFirst: Bool) async throws {
        let signing = try Signing()
        let other = try certify(signing, as: "other", into: "other.pem")
        let line = Array(try signing.line().prefix { $0 != 0x0a }) + [0x0a]
        let own = try signing.bytes("cert.pem")
        let file = CertificateFile(parsing: line + (isTrustedFirst ? own + other : other + own))
        let report = await file.report(
            on: signing.manifest, named: Array("a.mf".utf8), trusting: TrustAnchors(pem: own))
        #expect(report.trust == .trusted)
        #expect(report.signer?.subject.contains("signer") == true)
        let unknown = await file.report(
            on: signing.manifest, named: Array("a.mf".utf8), trusting: TrustAnchors(pem: []))
        #expect(unknown.trust != .trusted && unknown.trust != .notChecked)
    }

    @Test("a renewed certificate counts beside the one that has expired, with and without --trust")
    func renewed() async throws {
        let signing = try Signing()
        let line = Array(try signing.line().prefix { $0 != 0x0a }) + [0x0a]
        let expired = try certify(signing, as: "signer", days: -1, into: "expired.pem")
        let renewed = try certify(signing, as: "signer", into: "renewed.pem")
        let file = CertificateFile(parsing: line + expired + renewed)
        for anchors in [TrustAnchors(pem: renewed), TrustAnchors(pem: expired + renewed), nil] {
            let report = await file.report(
                on: signing.manifest, named: Array("a.mf".utf8), trusting: anchors)
            #expect(report.validity == .valid)
            #expect(report.trust == (anchors == nil ? .notChecked : .trusted))
        }
        // The expired one alone is worth nothing.
        let report = await file.report(
            on: signing.manifest, named: Array("a.mf".utf8), trusting: TrustAnchors(pem: expired))
        #expect(report.trust != .trusted)
    }

    @Test("an issuer is found among 31 of one name with keys of their own")
    func oneName() async throws {
        let signing = try Signing(key: ["ec", "ec_paramgen_curve:P-256"])
        var others: [UInt8] = []
        for number in 0..<31 {
            try signing.openssl([
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
                "\(number).key", "-subj", "/CN=authority", "-days", "30", "-out", "\(number).pem",
            ])
            // The one that issued the signer's, itself issued by the root, stands last.
            if number < 30 { others += try signing.bytes("\(number).pem") }
        }
        let root = try Signing(name: "root")
        try signing.scratch.write("root.pem", root.bytes("cert.pem"))
        try signing.scratch.write("root.key", root.bytes("key.pem"))
        try signing.openssl(["req", "-new", "-key", "30.key", "-subj", "/CN=authority", "-out", "upper.csr"])
        for (request, issuer, output) in [("upper.csr", "root", "upper"), ("request.pem", "upper", "cert")] {
            if issuer == "upper" { try signing.scratch.write("upper.key", signing.bytes("30.key")) }
            try signing.scratch.write(
                "extensions",
                Array("basicConstraints=critical,CA:\(output == "upper" ? "TRUE" : "FALSE")\n".utf8))
            try signing.openssl([
                "x509", "-req", "-in", request, "-CA", "\(issuer).pem", "-CAkey", "\(issuer).key",
                "-CAcreateserial", "-days", "5", "-out", "\(output).pem", "-extfile", "extensions",
            ])
        }
        let text = try signing.line() + others + (try signing.bytes("upper.pem"))
        let file = CertificateFile(parsing: text)
        #expect(file.certificates.count == 32)
        let anchors = TrustAnchors(pem: try root.bytes("cert.pem"))
        let chosen = SigningPolicy.intermediates(
            of: file.certificates[0], among: file.certificates, anchors, now: 0)
        #expect(chosen == [file.certificates[31]])
        let report = await file.report(on: signing.manifest, named: Array("a.mf".utf8), trusting: anchors)
        #expect(report.trust == .trusted, "\(report.trust)")
        let stranger = try Signing(name: "stranger")
        let refused = await file.report(
            on: signing.manifest, named: Array("a.mf".utf8),
            trusting: TrustAnchors(pem: try stranger.bytes("cert.pem")))
        #expect(refused.trust != .trusted && refused.trust != .notChecked)
    }

    @Test("a certificate whose names are slow to compare is not looked at")
    func slowNames() async throws {
        let signing = try Signing()
        let marks = String(repeating: "\u{301}\u{316}", count: 30_000)
        try signing.openssl([
            "req", "-new", "-utf8", "-key", "key.pem", "-out", "slow.csr", "-subj",
            "/description=a\(marks)",
        ])
        try signing.openssl([
            "x509", "-req", "-in", "slow.csr", "-signkey", "key.pem", "-days", "30", "-out", "slow.pem",
        ])
        let slow = try signing.bytes("slow.pem")
        let clock = ContinuousClock()
        let start = clock.now
        let file = CertificateFile(parsing: try signing.line() + slow + slow)
        #expect(file.certificates.count == 1)
        #expect(file.problems.count == 2 && file.problems.allSatisfy { $0.contains("combining marks") })
        let report = await file.report(
            on: signing.manifest, named: Array("a.mf".utf8),
            trusting: TrustAnchors(pem: try signing.bytes("cert.pem")))
        #expect(report.trust == .trusted)
        #expect(clock.now - start < .seconds(10))
    }

    @Test("names and numbers of certificates are shown cut where they are long")
    func longNames() throws {
        let signing = try Signing()
        let name = String(repeating: "n", count: 50_000)
        try signing.openssl([
            "req", "-x509", "-new", "-key", "key.pem", "-out", "long.pem", "-subj", "/description=\(name)",
        ])
        let file = CertificateFile(parsing: try signing.bytes("long.pem"))
        let summary = CertificateSummary(try #require(file.certificates.first))
        #expect(summary.subject.utf8.count < 1_010 && summary.issuer.utf8.count < 1_010)
    }
}
