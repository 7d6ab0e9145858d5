// `ovafs extract -o -`, signals and outputs that fail: SEMANTICS, "Copies of disks".
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct ExtractStreamTests {
        @Test(
            "X6: one disk goes to standard output, byte by byte, with messages elsewhere",
            arguments: [1, 2, 8])
        func stream(threads: Int) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let result = try shell(
                    "\"$1\" extract \"$2\" vmdisk1 -o - --threads \"$4\" | cmp - \"$3\"", try Ovafs.path(),
                    package.path, package.firstReference, "\(threads)")
                #expect(result.standardError.isEmpty)
                let both = try Ovafs.attempt("extract", package.path, "-o", "-")
                #expect(both.exitCode == 2)
                #expect(both.standardOutput.isEmpty)
            }
        }

        @Test("X6: a reader that has enough ends the copy as it ends every filter, without a word")
        func head() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let result = try shell(
                    """
                    set +e
                    "$1" extract "$2" vmdisk1 -o - | head --bytes=100 | cmp - <(head --bytes=100 "$3")
                    echo "${PIPESTATUS[*]}"
                    """, try Ovafs.path(), package.path, package.firstReference)
                #expect(result.text == "141 0 0")
                #expect(result.standardError.isEmpty)
            }
        }

        @Test(
            "X9: an output that cannot be written is exit code 1 and one line",
            arguments: [">&-", "> /dev/full"])
        func closedOutput(redirection: String) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let result = try attempt([
                    "bash", "-c", "\"$1\" extract \"$2\" vmdisk1 -o - \(redirection)", "bash",
                    try Ovafs.path(), package.path,
                ])
                #expect(result.exitCode == 1, "\(result.standardError)")
                #expect(result.standardError.split(separator: "\n").count == 1)
                #expect(result.standardError.contains("standard output"))
            }
        }

        @Test(
            "X9: a full disk is exit code 1, and leaves no partial file",
            .enabled(if: EndToEnd.isRoot, "only root mounts a small file system to fill"))
        func fullDisk() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let point = try folder.makeFolder("small")
                try run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", point])
                defer { _ = try? run(["umount", point]) }
                for path in [point, point + "/", point + "/new/", point + "/one.raw"] {
                    let result = try Ovafs.attempt("extract", package.path, "vmdisk1", "-o", path)
                    #expect(result.exitCode == 1, "\(result.standardError)")
                    #expect(result.standardError.split(separator: "\n").count == 1)
                    #expect(try run(["ls", "-A", point]).text.isEmpty)
                }
            }
        }

        @Test("X9: a limit of the size of files is exit code 1, and leaves no partial file")
        func sizeLimit() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let result = try attempt([
                    "bash", "-c", "ulimit -f 100; exec \"$1\" extract \"$2\" vmdisk1 -o \"$3\"", "bash",
                    try Ovafs.path(), package.path, try folder.makeFolder("out"),
                ])
                #expect(result.exitCode == 1, "\(result.standardError)")
                #expect(try run(["ls", "-A", folder("out")]).text.isEmpty)
            }
        }

        /// Sends a signal to a copy that has begun, and says how the copy has ended.
        private static func interrupt(
            _ signal: String, in folder: TestFolder, through wrapper: String = "", output: String = "out/"
        ) throws -> CommandResult {
            try shell("head --bytes=200M /dev/zero | tr '\\0' x > big.img", in: folder.url)
            // Stopped as soon as its file is there, so that it cannot be done before the signal comes.
            return try attempt(
                [
                    "bash", "-c",
                    """
                    set -m
                    \(wrapper) "$1" extract big.img --threads 1 --fsync -o \(output) &
                    for attempt in {1..3000}; do
                        [ ! -e out/big.raw.partial ] || break
                        sleep 0.01
                    done
                    kill -STOP %1; kill -\(signal) %1; kill -CONT %1
                    wait %1
                    """, "bash", try Ovafs.path(),
                ], in: folder.url)
        }

        @Test(
            "X7: a signal ends a copy at once, by the signal, and leaves neither file nor folder",
            arguments: [("INT", 130), ("TERM", 143), ("HUP", 129), ("QUIT", 131), ("XCPU", 152)])
        func signals(signal: String, exitCode: Int32) throws {
            try withTestFolder { folder in
                let result = try Self.interrupt(signal, in: folder)
                #expect(result.exitCode == exitCode, "\(result.standardError)")
                #expect(!FileManager.default.fileExists(atPath: folder("out")))
            }
        }

        @Test("X7: a signal that the caller ignores is ignored")
        func ignoredSignal() throws {
            try withTestFolder { folder in
                let result = try Self.interrupt("HUP", in: folder, through: "nohup")
                #expect(result.exitCode == 0, "\(result.standardError)")
                try run(["cmp", folder("out/big.raw"), folder("big.img")])
            }
        }

        /// What a terminal of 60 columns gets while a disk is copied to a reader that begins late.
        private static func drawn(with variables: String, in folder: TestFolder) throws -> String {
            let package = try StandardPackage(in: folder)
            try shell(
                """
                cat > run << 'END'
                stty cols 60
                "$OVAFS" extract "$SOURCE" vmdisk1 -o - | (sleep 2; cat > /dev/null)
                echo ended > ended
                END
                OVAFS="$1" SOURCE="$2" \(variables) script --quiet --command 'bash run' drawn > /dev/null < /dev/null
                rm ended
                """, try Ovafs.path(), package.path, in: folder.url)
            let text = try String(contentsOfFile: folder("drawn"), encoding: .utf8)
            let lines = text.replacingOccurrences(of: "\r\n", with: "\n").split(separator: "\n")
            return lines.filter { !$0.hasPrefix("Script ") }.joined(separator: "\n")
        }

        @Test(
            "X11: a bar is drawn on a terminal, fits it, and commands it in no other way",
            arguments: ["", "NO_COLOR=1"])
        func bar(variables: String) throws {
            try withTestFolder { folder in
                let text = try Self.drawn(with: "TERM=xterm " + variables, in: folder)
                #expect(!text.contains("\u{1b}"))
                let lines = text.split(whereSeparator: \.isNewline)
                #expect(lines.contains { $0.contains("disk1.raw") && $0.contains("%") })
                #expect(lines.allSatisfy { $0.count < 60 })
                // The last thing that is drawn is nothing.
                #expect(lines.last { !$0.isEmpty }?.allSatisfy { $0 == " " } == true)
            }
        }

        @Test("X11: no bar is drawn on a terminal that cannot", arguments: ["TERM=dumb", "TERM="])
        func dumb(variables: String) throws {
            try withTestFolder { folder in
                let drawn = try Self.drawn(with: variables, in: folder)
                #expect(drawn.isEmpty)
            }
        }

        @Test("X11: an exabyte of nothing is copied on a terminal without a trap")
        func exabyte() throws {
            try withTestFolder { folder in
                let disk = ListedDisk(id: "huge", capacity: "\"4611686018427387904\"")
                try folder.makeFolder("members")
                try folder.write(descriptor(files: [], disks: [disk]), to: "members/appliance.ovf")
                try Fixtures.tar(["appliance.ovf"], in: folder("members"), to: folder("x.ova"))
                try shell(
                    """
                    TERM=xterm script --quiet --return --command "'$1' extract '$2' -o /dev/null" drawn > /dev/null
                    """, try Ovafs.path(), folder("x.ova"), in: folder.url)
            }
        }

        @Test("C8: columns of info stand under each other, whatever the names are made of")
        func aligned() throws {
            try withTestFolder { folder in
                let ids = [
                    "plain", "磁盘", "e\u{301}te\u{301}", "x&#x9b;2J", "y&#x202e;",
                    String(repeating: "long", count: 99),
                ]
                let disks = ids.map { ListedDisk(id: $0, capacity: "\"4096\"") }
                try folder.makeFolder("members")
                try folder.write(descriptor(files: [], disks: disks), to: "members/appliance.ovf")
                try Fixtures.tar(["appliance.ovf"], in: folder("members"), to: folder("x.ova"))
                let rows = try run([try Ovafs.path(), "info", folder("x.ova")]).lines.filter {
                    $0.contains(" scsi0:")
                }
                #expect(rows.count == ids.count)
                let widths = try rows.map { row in
                    let before = try #require(row.range(of: " scsi0:")).lowerBound
                    // wc knows how wide a terminal shows a text.
                    try folder.write(String(row[..<before]) + "|\n", to: "row")
                    return try run(["wc", "--max-line-length", folder("row")]).text.prefix { $0.isNumber }
                }
                #expect(Set(widths).count == 1, "\(widths)")
                #expect(
                    rows.allSatisfy {
                        $0.unicodeScalars.allSatisfy { $0.properties.generalCategory != .control }
                    })
            }
        }
    }
}
