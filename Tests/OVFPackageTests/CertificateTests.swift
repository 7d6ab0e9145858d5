// Tests of certificates that openssl made: good, expired, of another key, over a changed manifest.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import Testing

@testable import OVFPackage

/// A signed manifest in a folder of its own.
private final class Signing {
    let scratch: ScratchFolder
    let manifest = Array("SHA256(a.ovf)= 00\n".utf8)

    /// Makes a key and a certificate that signs itself.
    init(key: [String] = ["rsa:2048"], days: Int = 30, name: String = "signer") throws {
        scratch = try ScratchFolder()
        try scratch.write("a.mf", manifest)
        let options = key.dropFirst().flatMap { ["-pkeyopt", $0] }
        try openssl(
            ["req", "-newkey", key[0]] + options
                + ["-nodes", "-keyout", "key.pem", "-out", "request.pem", "-subj", "/O=Test/CN=\(name)"])
        try scratch.write("extensions", Array("basicConstraints=critical,CA:TRUE\n".utf8))
        try openssl([
            "x509", "-req", "-in", "request.pem", "-signkey", "key.pem", "-days", "\(days)", "-out",
            "cert.pem",
            "-extfile", "extensions",
        ])
    }

    func openssl(_ arguments: [String]) throws {
        let process = Process()
        process.executableURL = URL(filePath: "/usr/bin/openssl")
        process.arguments = arguments
        process.currentDirectoryURL = scratch.url
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        process.waitUntilExit()
        guard process.terminationStatus == 0 else { throw OpenSSLFailure(arguments: arguments) }
    }

    func bytes(_ name: String) throws -> [UInt8] {
        Array(try Data(contentsOf: scratch.url.appending(path: name)))
    }

    /// The form with a line of digits.
    func line(_ digest: String = "sha256", spelling: String = "SHA256") throws -> [UInt8] {
        try openssl(["dgst", "-\(digest)", "-sign", "key.pem", "-out", "signature", "a.mf"])
        let digits = Hexadecimal.text(try bytes("signature"))
        return Array("\(spelling)(a.mf)= \(digits)\n".utf8) + (try bytes("cert.pem"))
    }

    func cms(_ options: [String] = []) throws -> [UInt8] {
        try openssl(
            [
                "cms", "-sign", "-binary", "-in", "a.mf", "-signer", "cert.pem", "-inkey", "key.pem",
                "-outform", "PEM",
            ]
                + ["-out", "a.cert"] + options)
        return try bytes("a.cert")
    }

    func report(_ certificate: [UInt8], on manifest: [UInt8]? = nil, isTrusted: Bool = true) async throws
        -> CertificateReport
    {
        await CertificateFile(parsing: certificate).report(
            on: manifest ?? self.manifest, named: Array("a.mf".utf8),
            trusting: isTrusted ? TrustAnchors(pem: try bytes("cert.pem")) : nil)
    }
}

private struct OpenSSLFailure: Error {
    let arguments: [String]
}

extension CertificateReport.Trust {
    /// Whether it is not trusted for a reason that `words` are part of.
    fileprivate func isUntrusted(for words: String) -> Bool {
        if case .untrusted(let reason) = self { reason.contains(words) } else { false }
    }
}

@Suite("A certificate file")
struct CertificateTests {
    @Test(
        "a good signature is valid, its signer trusted when the certificate is",
        arguments: [
            ("sha256", "SHA256", DigestAlgorithm.sha256), ("sha512", "SHA-512", .sha512),
            ("sha1", "SHA1", .sha1),
        ])
    func good(digest: String, spelling: String, algorithm: DigestAlgorithm) async throws {
        let signing = try Signing()
        let certificate = try signing.line(digest, spelling: spelling)
        let report = try await signing.report(certificate)
        #expect(report.form == .digestLine)
        #expect(report.signature == .valid(algorithm))
        #expect(report.validity == .valid)
        #expect(report.algorithm == "\(algorithm.rawValue.uppercased()) with RSA2048")
        #expect(report.signer?.subject.contains("signer") == true)
        #expect(report.problems.isEmpty)
        // Anyone with time and money makes two manifests with one SHA-1 signature.
        if algorithm == .sha1 {
            #expect(report.trust.isUntrusted(for: "SHA-1"))
        } else {
            #expect(report.trust == .trusted)
        }
        // Whom to trust is the user's to say: the system's web roots are not asked.
        #expect(try await signing.report(certificate, isTrusted: false).trust == .notChecked)
    }

    @Test("an elliptic-curve key signs too")
    func ellipticCurve() async throws {
        let signing = try Signing(key: ["ec", "ec_paramgen_curve:P-256"])
        #expect(try await signing.report(signing.line()).signature == .valid(.sha256))
        #expect(try await signing.report(signing.cms()).signature == .valid(.sha256))
    }

    @Test("a CMS signature is valid, with signed attributes, without, and with the manifest inside")
    func cms() async throws {
        let signing = try Signing()
        for options in [[], ["-noattr"], ["-nodetach"], ["-md", "sha512"]] {
            let report = try await signing.report(signing.cms(options))
            #expect(report.form == .cms)
            #expect(report.signature == .valid(options.contains("sha512") ? .sha512 : .sha256), "\(options)")
            #expect(report.trust == .trusted)
        }
    }

    @Test("a changed manifest makes the signature invalid, in every form")
    func changedManifest() async throws {
        let signing = try Signing()
        for certificate in [
            try signing.line(), try signing.cms(), try signing.cms(["-noattr"]),
            try signing.cms(["-nodetach"]),
        ] {
            let changed = try await signing.report(certificate, on: signing.manifest + [0x20])
            #expect(changed.signature == .invalid)
        }
    }

    @Test("another key's certificate makes the signature invalid")
    func wrongKey() async throws {
        let signing = try Signing()
        let other = try Signing()
        let line = try signing.line().prefix { $0 != 0x0a }
        let report = try await signing.report(Array(line) + [0x0a] + other.bytes("cert.pem"))
        #expect(report.signature == .invalid)
        // A trusted certificate beside a signature that its key did not make is nobody's.
        let beside = try await signing.report(Array(line) + [0x0a] + other.bytes("cert.pem"))
        #expect(beside.trust.isUntrusted(for: "signature"))
        let anchors = TrustAnchors(pem: try other.bytes("cert.pem"))
        let borrowed = await CertificateFile(parsing: Array(line) + [0x0a] + (try other.bytes("cert.pem")))
            .report(on: signing.manifest, named: Array("a.mf".utf8), trusting: anchors)
        #expect(borrowed.trust.isUntrusted(for: "signature"))
    }

    @Test("an expired certificate's signature is valid, and its certificate is expired and not trusted")
    func expired() async throws {
        let signing = try Signing(days: -1)
        let report = try await signing.report(signing.line())
        #expect(report.signature == .valid(.sha256))
        #expect(report.validity == .expired || report.validity == .notYetValid)
        guard case .untrusted = report.trust else {
            Issue.record("an expired certificate was trusted")
            return
        }
    }

    @Test("validity is judged at the time given")
    func validity() async throws {
        let signing = try Signing()
        let file = CertificateFile(parsing: try signing.line())
        let now = Int64(Date().timeIntervalSince1970)
        for (time, validity) in [
            (now, CertificateReport.Validity.valid), (now + 86_400 * 31, .expired),
            (now - 86_400, .notYetValid),
        ] {
            let report = await file.report(
                on: signing.manifest, named: Array("a.mf".utf8), trusting: TrustAnchors(pem: []), now: time)
            #expect(report.validity == validity)
        }
    }

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

    @Test(
        "a certificate file as long as can be is taken apart in the time of its length",
        arguments: [
            "-----BEGIN CERTIFICATE-----\n", "a\n", "\n", "SHA1(a)=\n", "SHA1(a)= 0\n", "SHA1(a)= ff\nf\n",
            "-----BEGIN CERTIFICATE-----\n-----END CERTIFICATE-----\n",
            "-----BEGIN CMS-----\nMAA=\n-----END CMS-----\n",
        ], ["", "-----BEGIN CERTIFICATE-----\n"])
    func longFile(line: String, start: String) {
        let repeated = String(repeating: line, count: Int(CertificateFile.maximumByteCount) / line.utf8.count)
        let clock = ContinuousClock()
        let time = clock.measure {
            let end = start.isEmpty ? "" : "\n-----END CERTIFICATE-----\n"
            let room = Int(CertificateFile.maximumByteCount) - end.utf8.count
            let file = CertificateFile(parsing: Array((start + repeated).utf8.prefix(room)) + end.utf8)
            #expect(file.certificates.count <= CertificateFile.maximumCertificateCount)
        }
        // A copy of all lines for each line takes most of an hour.
        #expect(time < .seconds(20), "\(time)")
    }

    @Test(
        "an MD5 signature, a file without a certificate or a signature, and nonsense are unsupported, with the reason"
    )
    func unsupported() async throws {
        let signing = try Signing()
        let line = try signing.line()
        let digits = String(decoding: line, as: UTF8.self)
        let files = [
            Array(digits.replacingOccurrences(of: "SHA256", with: "MD5").utf8),
            Array(line.prefix { $0 != 0x0a }),
            try signing.bytes("cert.pem"), [], Array("-----BEGIN CMS-----\nAAAA\n-----END CMS-----\n".utf8),
        ]
        for file in files {
            guard case .unsupported = try await signing.report(file).signature else {
                Issue.record("\(String(displaying: file)) was accepted")
                continue
            }
        }
    }

    @Test("a signature of another file's name is reported")
    func otherName() async throws {
        let signing = try Signing()
        let report = await CertificateFile(parsing: try signing.line()).report(
            on: signing.manifest, named: Array("b.mf".utf8))
        #expect(report.signature == .valid(.sha256))
        #expect(report.problems.count == 1)
    }

    @Test("callers that are not asynchronous get the same report")
    func blocking() async throws {
        let signing = try Signing()
        let file = CertificateFile(parsing: try signing.line())
        let expected = await file.report(on: signing.manifest, named: Array("a.mf".utf8))
        let manifest = signing.manifest
        let report = await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                continuation.resume(returning: file.blockingReport(on: manifest, named: Array("a.mf".utf8)))
            }
        }
        #expect(report == expected)
    }

    @Test("changed bytes never trap")
    func mutations() async throws {
        let signing = try Signing(key: ["ec", "ec_paramgen_curve:P-256"])
        var random = Mutator(seed: 5)
        for certificate in [try signing.line(), try signing.cms()] {
            for _ in 0..<300 {
                let file = CertificateFile(parsing: random.mutate(certificate))
                _ = await file.report(on: signing.manifest, named: [], trusting: TrustAnchors(pem: []))
            }
        }
    }
}

@Suite("Certificates of other programs", .enabled(if: Corpus.isPresent, "\(Corpus.absence)"))
struct CertificateCorpusTests {
    private func report(_ path: String) async throws -> CertificateReport {
        let package = try OVFPackage(archive: Corpus.open(path))
        let manifest = try #require(package.manifest)
        let file = try CertificateFile(reading: #require(package.certificate).source)
        return await file.report(on: try manifest.contents, named: manifest.name)
    }

    @Test("a signed package's signature is valid and its signer not known to the system")
    func signed() async throws {
        let report = try await report("generated/edge/V24-signed.ova")
        #expect(report.signature == .valid(.sha256))
        #expect(report.signer?.subject.contains("visible") == true)
        #expect(report.trust != .trusted)
    }

    @Test("a certificate of 1995 is reported, not believed")
    func openOVF() async throws {
        let report = try await report("third-party/Awingu+open-ovf/ourOVF.ova")
        #expect(report.trust != .trusted)
        #expect(report.signature != .valid(.sha1))
        #expect(!report.problems.isEmpty)
    }

    @Test("certificates that all issue each other end the search for a chain", .timeLimit(.minutes(1)))
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
