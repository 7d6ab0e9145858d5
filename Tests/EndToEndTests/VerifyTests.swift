// `ovafs verify` and `ovafs extract`: SEMANTICS C10 and C11.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Synchronization
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct VerifyTests {
        /// The report of `ovafs verify --json`, as far as tests ask.
        private struct Report: Decodable {
            struct Certificate: Decodable {
                let signature: String
                let validity: String
                let isTrusted: Bool
                let trust: String
                let algorithm: String?
                let isOK: Bool
            }

            struct Damage: Decodable { let guestOffset: Int }
            struct Disk: Decodable {
                let isOK: Bool
                let damages: [Damage]
            }

            struct Failure: Decodable { let code: String }

            let isOK: Bool
            let failures: [Failure]
            let certificate: Certificate?
            let disks: [Disk]
        }

        private func verify(_ arguments: String...) throws -> (report: Report, exitCode: Int32) {
            let result = try attempt([try Ovafs.path(), "verify", "--json"] + arguments)
            return (try JSONDecoder().decode(Report.self, from: result.standardOutput), result.exitCode)
        }

        @Test(
            "C10: a source that is lost while digests are checked is exit code 3, and no word about the package",
            arguments: [true, false])
        func lostSource(isReplaced: Bool) throws {
            try withTestFolder { folder in
                try folder.makeFolder("mnt")
                try folder.makeFolder("members")
                let disks = [ListedDisk(id: "d", capacity: "\"512\"")]
                try folder.write(descriptor(files: [], disks: disks), to: "members/x.ovf")
                try folder.write("SHA256(big.bin)= 00\n", to: "members/x.mf")
                try Fixtures.rawDisk(folder("members/big.bin"), byteCount: 24 << 20, data: [0..<24 << 20])
                try Fixtures.tar(["x.ovf", "x.mf", "big.bin"], in: folder("members"), to: folder("x.ova"))
                let bytes = [UInt8](try Data(contentsOf: URL(fileURLWithPath: folder("x.ova"))))
                let file = WebFile(bytes)
                let other = WebFile(bytes, headers: ["ETag: \"2\""])
                // Opening reads nothing from the middle.
                let isLost = Mutex(false)
                let server = try TestSupport.WebServer { request, connection in
                    let isInside = request.range(in: bytes.count)?.contains(bytes.count / 2) == true
                    let isLost = isLost.withLock { lost in
                        lost = lost || isInside
                        return lost
                    }
                    guard isLost else { return file.answer(request, connection) }
                    guard !isReplaced else { return other.answer(request, connection) }
                    connection.answer(503, [])
                }
                defer { server.stop() }
                for arguments in [
                    ["verify", "--timeout", "3", server.url("/x.ova")],
                    ["mount", "-o", "verify=manifest,timeout=3", server.url("/x.ova"), folder("mnt")],
                ] {
                    isLost.withLock { $0 = false }
                    let result = try attempt([try Ovafs.path()] + arguments)
                    #expect(result.exitCode == 3, "\(result.standardError)")
                    #expect(isLost.withLock { $0 } && result.text == "")
                    let words = arguments[0] == "mount" ? "; not mounted" : "; not checked to the end"
                    #expect(result.standardError.contains(words), "\(result.standardError)")
                }
            }
        }

        @Test("C10: a sound package verifies, also in depth, and a changed member does not")
        func digests() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let sound = try verify(package.path, "--deep")
                #expect(sound.exitCode == 0 && sound.report.isOK)
                #expect(sound.report.disks.count == 2)

                try shell("printf 'Another note.\\n' > $1/notes.txt", package.members)
                try Fixtures.tar(StandardPackage.memberNames, in: package.members, to: folder("x.ova"))
                let changed = try verify(folder("x.ova"))
                #expect(changed.exitCode == 1 && !changed.report.isOK)
                let text = try Ovafs.attempt("verify", folder("x.ova"))
                #expect(text.exitCode == 1)
                #expect(text.lines.last?.hasPrefix("NOT verified: ") == true)
                #expect(text.lines.last == "NOT verified: 1 of 4 digests is wrong (\"notes.txt\")")
                #expect(text.standardError.contains("not verified: 1 of 4 digests is wrong"))
                #expect(try Ovafs.attempt("verify", package.path).lines.last?.hasPrefix("verified: ") == true)
                #expect(text.lines.contains { $0.hasPrefix("bad") && $0.contains("notes.txt") })
                #expect(text.standardError.split(separator: "\n").count == 1)
            }
        }

        @Test("C10: a disk that ends before its partitions do is not verified")
        func cutDisk() throws {
            try withTestFolder { folder in
                let disk = folder("cut.raw")
                try shell(
                    "truncate -s 4M \"$1\"; echo 'start=2048, size=6144' | sfdisk --quiet \"$1\"", disk)
                let whole = try verify("--deep", disk)
                #expect(whole.exitCode == 0 && whole.report.isOK)
                try shell("truncate -s 3M \"$1\"", disk)
                let cut = try verify("--deep", disk)
                #expect(cut.exitCode == 1 && cut.report.failures.map(\.code) == ["disk-damaged"])
            }
        }

        @Test("C10: --deep names each damaged grain by its place on the disk")
        func deep() throws {
            try withTestFolder { folder in
                let image = try DamagedImage(in: folder)
                let shallow = try verify(image.path)
                #expect(shallow.exitCode == 1 && shallow.report.failures.map(\.code) == ["nothing-checked"])
                #expect(try verify(image.path, "--no-manifest").exitCode == 0)
                let found = try verify(image.path, "--deep")
                #expect(found.exitCode == 1)
                #expect(
                    found.report.disks.flatMap(\.damages).map(\.guestOffset) == [
                        DamagedImage.damaged.lowerBound
                    ])
            }
        }

        @Test(
            "C10: a certificate made by openssl is checked",
            arguments: [
                ("good", true, "valid", "valid"), ("expired", false, "valid", "expired"),
                ("wrong key", false, "invalid", "valid"), ("changed manifest", false, "invalid", "valid"),
            ])
        func certificate(what: String, isOK: Bool, signature: String, validity: String) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                try shell(
                    """
                    cd "$1"
                    openssl req -newkey rsa:2048 -nodes -keyout ../key.pem -out ../request.pem -subj /CN=tester \
                        2> /dev/null
                    days=30; if [ "$2" = expired ]; then days=-1; fi
                    openssl x509 -req -in ../request.pem -signkey ../key.pem -days $days -out ../certificate.pem 2> /dev/null
                    key=../key.pem
                    if [ "$2" = 'wrong key' ]; then openssl genrsa -out ../other.pem 2048 2> /dev/null; key=../other.pem; fi
                    signature=$(openssl dgst -sha256 -sign $key -hex appliance.mf | sed 's/.*= *//')
                    { echo "SHA256(appliance.mf)= $signature"; cat ../certificate.pem; } > appliance.cert
                    if [ "$2" = 'changed manifest' ]; then sed -i 's/= /=  /' appliance.mf; fi
                    """, package.members, what)
                try Fixtures.tar(
                    StandardPackage.memberNames + ["appliance.cert"], in: package.members, to: folder("x.ova")
                )
                let found = try verify(folder("x.ova"), "--trust", folder("certificate.pem"))
                let certificate = try #require(found.report.certificate)
                #expect(found.exitCode == (isOK ? 0 : 1))
                #expect(certificate.isOK == isOK)
                #expect(certificate.signature == signature)
                #expect(certificate.validity == validity)
                if isOK {
                    #expect(certificate.isTrusted && certificate.trust == "trusted")
                    #expect(certificate.algorithm == "SHA256 with RSA2048")
                    let asked = try verify(folder("x.ova"))
                    #expect(asked.exitCode == 0)
                    #expect(asked.report.certificate?.trust == "not-checked")
                    #expect(asked.report.certificate?.isTrusted == false)
                    let text = try Ovafs.attempt("verify", folder("x.ova")).lines
                    #expect(text.contains { $0.contains("signed by CN=tester, not checked") })
                    #expect(text.contains { $0.contains("SHA256 with RSA2048") })
                }
            }
        }

        @Test("C11: extract copies disks as sparse files, and replaces one only when told to")
        func extract() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let out = try folder.makeFolder("out")
                try run([try Ovafs.path(), "extract", package.path, "-o", out])
                #expect(try run(["ls", "-A", out]).lines.sorted() == package.references.keys.sorted())
                for (name, reference) in package.references {
                    try run(["cmp", out + "/" + name, reference])
                    let copy = try PosixFile(out + "/" + name).status()
                    #expect(copy.st_blocks * 512 < copy.st_size)
                }
                let again = try Ovafs.attempt("extract", package.path, "vmdisk2", "-o", out)
                #expect(again.exitCode == 2)
                #expect(again.standardError.contains("--force"))
                try run([try Ovafs.path(), "extract", package.path, "vmdisk2", "-o", folder("one.raw")])
                try run(["cmp", folder("one.raw"), package.secondReference])
                let unknown = try Ovafs.attempt("extract", package.path, "vmdisk9", "-o", folder("nine.raw"))
                #expect(unknown.exitCode == 2)
                #expect(unknown.standardError.contains("vmdisk9"))
            }
        }

        @Test("C11: a damaged disk is not extracted, and leaves no file that looks complete")
        func extractDamaged() throws {
            try withTestFolder { folder in
                let image = try DamagedImage(in: folder)
                let result = try Ovafs.attempt("extract", image.path, "-o", folder("copy.raw"))
                #expect(result.exitCode == 1)
                #expect(!FileManager.default.fileExists(atPath: folder("copy.raw")))
            }
        }
    }
}
