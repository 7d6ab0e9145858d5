// The shared sample packages, each mounted and held against what is expected of it.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

extension EndToEnd {
    @Suite(.enabled(if: Corpus.isPresent, "../shared/corpus is absent"))
    struct CorpusTests {
        @Test(
            "T2 T11 T14 F8: a sample package is served as its expectations say",
            arguments: try Corpus.packages())
        func package(_ package: Corpus.Package) throws {
            try withTestFolder { folder in
                let point = try folder.makeFolder("mnt")
                let log = folder("log")
                let result = try attempt(
                    [try Ovafs.path(), "mount", package.path, point, "-o", "ctldir=visible,log=\(log)"],
                    limit: package.limits?.max_mount_seconds ?? 20)
                #expect(result.exitCode != 124, "took too long")
                for text in package.must_not_contain { #expect(!result.standardError.contains(text)) }
                guard result.exitCode == 0 else {
                    #expect(package.mount != "ok", "\(result.standardError)")
                    #expect([1, 3].contains(result.exitCode))
                    #expect(result.standardError.split(separator: "\n").count == 1)
                    #expect(folder.mountPoints().isEmpty)
                    return
                }
                #expect(package.mount != "refuse")
                let server = try #require(folder.servers().first)
                try checkMembers(of: package, at: point)
                let summary = try Summary(Data(contentsOf: URL(fileURLWithPath: point + "/.ova/info.json")))
                for disk in package.disks {
                    let shown = summary.disks.first { $0.file?.text == disk.href }?.raw?.text
                    try check(disk, of: package, raw: shown.map { point + "/" + $0 })
                }
                try checkNothingLeaks(package, at: point, log: log)
                let status = try String(contentsOfFile: "/proc/\(server)/status", encoding: .utf8)
                let peak = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
                let kilobytes = try #require(peak.flatMap { Int($0.filter(\.isNumber)) })
                #expect(kilobytes <= (package.limits?.max_rss_mb ?? 768) << 10)
                try unmount(point)
                try wait(for: "the server's end") { folder.processes().isEmpty }
            }
        }

        private func checkMembers(of package: Corpus.Package, at point: String) throws {
            if let wanted = package.descriptor_sha256 {
                #expect(try Fixtures.digest(point + "/" + package.descriptor) == wanted)
                #expect(try Fixtures.digest(point + "/.ova/stored/" + package.descriptor) == wanted)
            }
            if let manifest = package.manifest {
                #expect(FileManager.default.fileExists(atPath: point + "/" + manifest))
            }
            for (name, wanted) in package.others_sha256 ?? [:] {
                #expect(try Fixtures.digest(point + "/" + name) == wanted)
            }
        }

        /// Strings of host files must be in no file, name, attribute or log line.
        private func checkNothingLeaks(_ package: Corpus.Package, at point: String, log: String) throws {
            for text in package.must_not_contain {
                if FileManager.default.fileExists(atPath: log) {
                    #expect(try attempt(["grep", "-qF", text, log]).exitCode == 1)
                }
                // A damaged file ends the search of that file with an error: what could be read was searched.
                let found = try attempt(["grep", "-rlaF", text, point])
                #expect(found.standardOutput.isEmpty, "\(found.text)")
                #expect(
                    try !shell("find $1 -printf '%P\\n'; getfattr -dR $1 2>/dev/null", point).text.contains(
                        text))
            }
        }

        /// What reading the whole file gave: its digest, or nil for an error.
        private func wholeDigest(_ path: String) throws -> String? {
            let result = try attempt(["sha256sum", path])
            return result.exitCode == 0 ? String(result.text.prefix(64)) : nil
        }

        private func check(_ disk: Corpus.Package.Disk, of package: Corpus.Package, raw: String?) throws {
            let name = "\(package.id) \(disk.href)"
            let digest = try raw.flatMap { try wholeDigest($0) }
            switch disk.expect {
            case "exact":
                #expect(digest == disk.sha256, "\(name)")
                if let raw {
                    #expect(try Int(PosixFile(raw).status().st_size) == disk.virtual_size, "\(name)")
                }
            case "exact_or_refuse", "absent_or_error_or_exact":
                #expect(digest == nil || digest == disk.sha256, "\(name)")
            case "error", "absent_or_error":
                #expect(digest == nil, "\(name)")
            case "never_wrong":
                if let raw { try checkNeverWrong(disk, raw: raw, name: name) }
            case "either":
                #expect(digest.map { (disk.alternatives ?? []).contains($0) } == true, "\(name)")
            case "error_or_empty", "error_or_zero":
                if let raw, digest != nil {
                    #expect(try attempt(["cmp", "-n", "1G", raw, "/dev/zero"]).text.isEmpty, "\(name)")
                }
            case "no_crash", "not_required": break
            case let other: Issue.record("\(name): an expectation that this test does not know: \(other)")
            }
            if let wrong = disk.wrong_sha256 { #expect(digest != wrong, "\(name)") }
        }

        /// Each block of 4 KiB equals the reference or fails with EIO; damaged stretches fail or equal it.
        private func checkNeverWrong(_ disk: Corpus.Package.Disk, raw: String, name: String) throws {
            let file = try PosixFile(raw)
            let reference = try PosixFile(
                Corpus.generated.appendingPathComponent(try #require(disk.ref)).path)
            var failed = 0
            for offset in stride(from: 0, to: try #require(disk.virtual_size), by: 4096) {
                do throws(SystemCallError) {
                    let found = try file.read(4096, at: offset)
                    let wanted = try reference.read(4096, at: offset)
                    #expect(found == wanted, "\(name) at \(offset)")
                } catch {
                    #expect(error.errno == EIO, "\(name) at \(offset)")
                    failed += 1
                }
            }
            #expect(failed > 0, "\(name): some of it is damaged")
        }
    }
}
