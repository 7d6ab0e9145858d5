// Tests of certificates that openssl made: good, expired, of another key, over a changed manifest.
// SPDX-License-Identifier: Apache-2.0

import ByteSources
import Foundation
import Testing

@testable import OVFPackage

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
}
