// Tests of the way from a signer to a certificate that is trusted.
// SPDX-License-Identifier: Apache-2.0

import Testing

@testable import OVFPackage

@Suite("A chain of certificates")
struct CertificateChainTests {
    @Test("a chain of certificates leads to the trusted one")
    func chain() async throws {
        let authority = try Signing(name: "authority")
        let signing = try Signing()
        try signing.scratch.write("authority.pem", authority.bytes("cert.pem"))
        try signing.scratch.write("authority.key", authority.bytes("key.pem"))
        try signing.openssl([
            "x509", "-req", "-in", "request.pem", "-CA", "authority.pem", "-CAkey", "authority.key",
            "-CAcreateserial",
            "-days", "5", "-out", "cert.pem",
        ])
        let report = await CertificateFile(parsing: try signing.line()).report(
            on: signing.manifest, named: Array("a.mf".utf8),
            trusting: TrustAnchors(pem: try authority.bytes("cert.pem")))
        #expect(report.signature == .valid(.sha256))
        #expect(report.trust == .trusted)
        #expect(report.signer?.issuer.contains("authority") == true)
    }

    @Test(
        "what a certificate is for decides whether its signature is trusted",
        arguments: [
            ("", true), ("keyUsage=digitalSignature", true), ("keyUsage=critical,nonRepudiation", true),
            ("keyUsage=keyEncipherment", false), ("keyUsage=critical,keyCertSign,cRLSign", false),
            ("extendedKeyUsage=codeSigning", true), ("extendedKeyUsage=emailProtection", true),
            ("extendedKeyUsage=anyExtendedKeyUsage", true), ("extendedKeyUsage=critical,codeSigning", true),
            ("extendedKeyUsage=serverAuth", false), ("extendedKeyUsage=critical,serverAuth", false),
            ("extendedKeyUsage=serverAuth,clientAuth", false), ("extendedKeyUsage=timeStamping", false),
            ("extendedKeyUsage=serverAuth,codeSigning", true),
            ("keyUsage=keyEncipherment\nextendedKeyUsage=codeSigning", false),
        ])
    func purposes(extensions: String, isTrusted: Bool) async throws {
        let authority = try Signing(name: "authority")
        let signing = try Signing()
        try await issue(signing, by: authority, extensions)
        let file = CertificateFile(parsing: try signing.line())
        let anchors = TrustAnchors(pem: try authority.bytes("cert.pem"))
        let report = await file.report(
            on: signing.manifest, named: Array("a.mf".utf8), trusting: anchors)
        #expect(report.signature == .valid(.sha256))
        #expect((report.trust == .trusted) == isTrusted, "\(report.trust)")
        #expect(report.problems.isEmpty == isTrusted)
        // Also where the certificate itself is named as trusted.
        let direct = await file.report(
            on: signing.manifest, named: Array("a.mf".utf8),
            trusting: TrustAnchors(pem: try signing.bytes("cert.pem")))
        #expect((direct.trust == .trusted) == isTrusted, "\(direct.trust)")
    }

    /// Has `authority` issue the certificate of `signing`.
    private func issue(
        _ signing: Signing, by authority: Signing, _ extensions: String, digest: String = "sha256"
    ) async throws {
        try signing.scratch.write("authority.pem", authority.bytes("cert.pem"))
        try signing.scratch.write("authority.key", authority.bytes("key.pem"))
        try signing.scratch.write("usage", Array((extensions + "\n").utf8))
        try signing.openssl([
            "x509", "-req", "-in", "request.pem", "-CA", "authority.pem", "-CAkey", "authority.key",
            "-CAcreateserial", "-days", "5", "-\(digest)", "-extfile", "usage", "-out", "cert.pem",
        ])
    }

    @Test("a certificate that is itself signed with SHA-1 is not trusted")
    func weakChain() async throws {
        let authority = try Signing(name: "authority")
        let signing = try Signing()
        try await issue(signing, by: authority, "", digest: "sha1")
        let report = await CertificateFile(parsing: try signing.line()).report(
            on: signing.manifest, named: Array("a.mf".utf8),
            trusting: TrustAnchors(pem: try authority.bytes("cert.pem")))
        #expect(report.signature == .valid(.sha256))
        #expect(report.trust != .trusted && report.trust != .notChecked)
    }

    @Test("every certificate of the trusted file counts, also behind a hundred others")
    func manyAnchors() async throws {
        let signing = try Signing()
        let other = try Signing(name: "other")
        var bundle: [UInt8] = []
        for _ in 0..<100 { bundle += try other.bytes("cert.pem") }
        let certificate = CertificateFile(parsing: try signing.line())
        for (anchors, isTrusted) in [(bundle + (try signing.bytes("cert.pem")), true), (bundle, false)] {
            let report = await certificate.report(
                on: signing.manifest, named: Array("a.mf".utf8), trusting: TrustAnchors(pem: anchors))
            #expect((report.trust == .trusted) == isTrusted)
        }
        #expect(TrustAnchors(pem: []).isEmpty && TrustAnchors(pem: Array("nonsense".utf8)).isEmpty)
        let damaged = TrustAnchors(
            pem: Array("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n".utf8))
        #expect(damaged.isEmpty && damaged.problems.count == 1)
    }

    @Test("certificates that all issue each other end the search for a chain")
    func manyIssuers() async throws {
        let signing = try Signing()
        var text = try signing.line()
        for number in 1...31 {
            try signing.scratch.write(
                "extensions",
                Array("basicConstraints=critical,CA:TRUE\nsubjectAltName=DNS:n\(number).test\n".utf8))
            try signing.openssl([
                "x509", "-req", "-in", "request.pem", "-signkey", "key.pem", "-days", "30", "-out",
                "more.pem", "-extfile", "extensions",
            ])
            text += try signing.bytes("more.pem")
        }
        let other = try Signing(name: "other")
        let anchors = TrustAnchors(pem: try other.bytes("cert.pem"))
        let file = CertificateFile(parsing: text)
        #expect(file.certificates.count == 32)
        let chosen = SigningPolicy.intermediates(
            of: file.certificates[0], among: file.certificates, anchors, now: 0)
        // They are all of one name and one key, and so is the signer.
        #expect(chosen.isEmpty)
        let start = ContinuousClock.now
        let report = await file.report(on: signing.manifest, named: Array("a.mf".utf8), trusting: anchors)
        #expect(ContinuousClock.now - start < .seconds(20))
        #expect(report.signature == .valid(.sha256))
        #expect(report.trust != .trusted && report.trust != .notChecked)
    }

    /// A certificate called `name` and its key, issued by `issuer`, whose files are in the same folder.
    private func issue(_ name: String, by issuer: String, in signing: Signing) throws {
        try signing.openssl([
            "req", "-newkey", "rsa:2048", "-nodes", "-keyout", "\(name).key", "-out", "next.pem", "-subj",
            "/CN=\(name)",
        ])
        try signing.openssl([
            "x509", "-req", "-in", "next.pem", "-CA", "\(issuer).pem", "-CAkey", "\(issuer).key",
            "-CAcreateserial", "-days", "5", "-out", "\(name).pem", "-extfile", "extensions",
        ])
    }

    @Test("a chain through others of the file leads to the trusted one, whatever else the file holds")
    func longChain() async throws {
        let authority = try Signing(name: "root")
        let signing = try Signing()
        try signing.scratch.write("root.pem", authority.bytes("cert.pem"))
        try signing.scratch.write("root.key", authority.bytes("key.pem"))
        try signing.scratch.write("usage", Array("basicConstraints=CA:FALSE\n".utf8))
        try issue("upper", by: "root", in: signing)
        try issue("lower", by: "upper", in: signing)
        for name in ["s1", "s2", "s3", "s4", "s5", "s6"] { try issue(name, by: "upper", in: signing) }
        try signing.openssl([
            "x509", "-req", "-in", "request.pem", "-CA", "lower.pem", "-CAkey", "lower.key",
            "-CAcreateserial", "-days", "5", "-extfile", "usage", "-out", "cert.pem",
        ])
        var text = try signing.line()
        for name in ["s1", "s2", "s3", "s4", "s5", "s6", "upper", "lower"] {
            text += try signing.bytes("\(name).pem")
        }
        let file = CertificateFile(parsing: text)
        let root = TrustAnchors(pem: try signing.bytes("root.pem"))
        let chosen = SigningPolicy.intermediates(
            of: file.certificates[0], among: file.certificates, root, now: 0)
        #expect(chosen.map { CertificateSummary($0).subject.contains("lower") } == [true, false])
        let report = await file.report(on: signing.manifest, named: Array("a.mf".utf8), trusting: root)
        #expect(report.trust == .trusted, "\(report.trust)")
    }
}
