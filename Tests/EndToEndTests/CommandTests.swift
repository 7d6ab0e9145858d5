// The commands besides mounting: SEMANTICS, "Commands and the life of a mount".
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension EndToEnd {
    @Suite struct CommandTests {
        @Test(
            "C3 C4: what is wrong decides the exit code, and one line says what",
            arguments: [
                (["mount", "FOLDER/absent.ova", "FOLDER/mnt"], 3, "absent.ova"),
                (["info", "FOLDER/absent.ova"], 3, "absent.ova"),
                (["mount", "FOLDER/appliance.ova", "FOLDER/absent"], 4, "absent"),
                (["mount", "FOLDER/appliance.ova", "FOLDER/appliance.ova"], 4, "appliance.ova"),
                (["mount", "FOLDER/appliance.ova"], 2, "DIR"),
                (["mount"], 2, "source"),
                (["frobnicate"], 2, "unknown command 'frobnicate'; see 'ovafs --help'"),
                (
                    ["mout", "FOLDER/appliance.ova", "FOLDER/mnt"], 2,
                    "(did you mean 'mount'?); see 'ovafs --help'"
                ),
                (
                    ["FOLDER/appliance.ova", "FOLDER/mnt"], 2,
                    "(did you mean 'ovafs mount FOLDER/appliance.ova'?)"
                ),
                (["info", "--jason", "x"], 2, "(did you mean '--json'?); see 'ovafs info --help'"),
                (["verify"], 2, "see 'ovafs verify --help'"),
                (["info", "--frobnicate", "FOLDER/appliance.ova"], 2, "frobnicate"),
                (["info", "FOLDER/empty-folder"], 1, "empty-folder"),
                (["info", "FOLDER"], 1, "has no .ovf; it has appliance.ova: name one"),
                (["info", "/dev/null"], 1, "/dev/null"), (["info", ""], 2, "the source is empty"),
                (["info", "-"], 1, "a pipe cannot be read: save it to a file first"),
                (["info", "FOLDER/fifo"], 1, "a pipe cannot be read"),
                (["help", "nosuch"], 2, "unknown command 'nosuch'; see 'ovafs --help'"),
                (["help", "mout"], 2, "(did you mean 'mount'?)"),
                (
                    ["info", "--open-memory", "lots", "x"], 2,
                    "--open-memory takes a size such as 512M, not 'lots'; see 'ovafs info --help'"
                ),
                (["extract", "x", "-o", "y", "--threads=many"], 2, "--threads takes a number from 1 to 256"),
                (
                    ["extract", "x", "-o", "y", "--damaged=maybe"], 2, "'zero'; see 'ovafs extract --help'"
                ),
                (
                    ["extract", "FOLDER/appliance.ova", "-o", "/dev/null"], 2,
                    "2 disks and one device: name one of vmdisk1, vmdisk2"
                ),
                (
                    ["extract", "FOLDER/appliance.ova", "x", "-o", "FOLDER/y"], 2,
                    "has no disk 'x'; it has vmdisk1 (appliance-disk1.raw), vmdisk2 (appliance-disk2.raw)"
                ),
                (
                    ["extract", "FOLDER/appliance.ova", "-o", "FOLDER/nodir/new/"], 2,
                    "FOLDER/nodir does not exist; make it first"
                ),
                (
                    ["unmount", "FOLDER/nodir"], 4, "FOLDER/nodir: No such file or directory"
                ),
            ])
        func failures(arguments: [String], exitCode: Int32, words: String) throws {
            try withTestFolder { folder in
                _ = try StandardPackage(in: folder)
                try folder.makeFolder("mnt")
                try folder.makeFolder("empty-folder")
                try run(["mkfifo", folder("fifo")])
                let result = try attempt(
                    [try Ovafs.path()]
                        + arguments.map { $0.replacingOccurrences(of: "FOLDER", with: folder.path) })
                #expect(result.exitCode == exitCode, "\(result.standardError)")
                #expect(
                    result.standardError.lowercased().contains(
                        words.replacingOccurrences(of: "FOLDER", with: folder.path).lowercased()),
                    "\(result.standardError)")
                #expect(result.standardError.split(separator: "\n").count == 1, "\(result.standardError)")
                #expect(result.standardOutput.isEmpty)
                #expect(folder.mountPoints().isEmpty)
            }
        }

        @Test("C3 C4 C17: what is called otherwise elsewhere is answered with what it is called here")
        func spellings() throws {
            let rows: [(arguments: [String], exitCode: Int32, words: String)] = [
                (["mount", "--lenient", "x.ova", "mnt"], 2, "'ovafs mount' wants '-o lenient'"),
                (["info", "appliance.ova", "-o", "lenient"], 2, "'ovafs info' wants '--lenient'"),
                (["extract", "--outptu", "x", "appliance.ova"], 2, "(did you mean '--output'?)"),
                (["list", "appliance.ova"], 2, "unknown command 'list' (did you mean 'info'?)"),
                (["info", "--header", "appliance.ova"], 1, "'ovafs info' without --header reads more"),
                (["info", "ftp://u:secret@h/x"], 2, "and the source is one of ftp: bring it here first"),
                (["info", "file:///x"], 2, "for a file, write its path"),
                (["info", "http://"], 2, "the source's address names no host"),
                (["info", "-V"], 2, "(did you mean 'ovafs --version'?)"),
                (["extract", "-o", "x", "-o", "y", "appliance.ova"], 2, "'--output' is given twice"),
                (["extract", "-o", "lenient", "appliance.ova"], 2, "write '--lenient'"),
                (
                    ["extract", "appliance.ova", "x", "-o", "y"], 2,
                    "vmdisk2 (appliance-disk2.raw), with the partitions and snapshots appliance-disk1/1"
                ),
            ]
            try withTestFolder { folder in
                _ = try StandardPackage(in: folder)
                for row in rows {
                    let result = try attempt([try Ovafs.path()] + row.arguments, in: folder.url)
                    #expect(result.exitCode == row.exitCode, "\(row.arguments)")
                    #expect(result.standardError.contains(row.words), "\(result.standardError)")
                    #expect(result.standardError.split(separator: "\n").count == 1)
                    #expect(!result.standardError.contains("secret"))
                }
            }
        }

        @Test("C16: where --header does not do, info is named only where it does more")
        func headerAdvice() throws {
            try withTestFolder { folder in
                try folder.makeFolder("folder")
                try folder.write("VMA\u{0}\u{0}\u{0}\u{0}\u{1}", to: "p.vma")
                try folder.write(
                    """
                    # Disk DescriptorFile
                    version=1
                    CID=fffffffe
                    parentCID=ffffffff
                    createType="monolithicFlat"
                    RW 8 FLAT "lost-flat.vmdk" 0

                    """, to: "lost.vmdk")
                let words = "without --header reads more"
                for name in ["folder", "p.vma", "lost.vmdk"] {
                    let refused = try Ovafs.attempt("info", "--header", folder(name))
                    #expect(refused.exitCode == 1)
                    #expect(!refused.standardError.contains(words), "\(refused.standardError)")
                }
                try run(["truncate", "-s", "4096", folder("lost-flat.vmdk")])
                try shell("cd \"$1\"; gzip -c lost-flat.vmdk > x.raw.gz", folder.path)
                for name in ["lost.vmdk", "x.raw.gz"] {
                    let read = try Ovafs.attempt("info", "--header", folder(name))
                    #expect(read.exitCode == 1 && read.standardError.contains(words), "\(read.standardError)")
                }
            }
        }

        @Test(
            "C3: what cannot be printed is exit code 1 and one line",
            arguments: [
                ["--version"], ["--help"], ["mount", "--help"], ["--generate-completion-script", "bash"],
            ])
        func unprinted(arguments: [String]) throws {
            let result = try attempt(
                ["bash", "-c", "\"$@\" > /dev/full", "bash", try Ovafs.path()] + arguments)
            #expect(result.exitCode == 1)
            #expect(result.standardError.split(separator: "\n").count == 1, "\(result.standardError)")
            #expect(result.standardError.contains("standard output"))
            let printed = try attempt([try Ovafs.path()] + arguments)
            #expect(printed.exitCode == 0 && !printed.text.isEmpty && printed.standardError.isEmpty)
        }

        @Test(
            "C3: a file whose name reads as options is not answered with help, and a command goes before a folder"
        )
        func misread() throws {
            try withTestFolder { folder in
                try folder.write("x", to: "-dash.ova")
                try folder.makeFolder("mout")
                for (arguments, words) in [
                    (["info", "-dash.ova"], "write './-dash.ova'"), (["mout", "x"], "did you mean 'mount'?"),
                ] {
                    let result = try attempt([try Ovafs.path()] + arguments, in: folder.url)
                    #expect(result.exitCode == 2 && result.text.isEmpty)
                    #expect(result.standardError.contains(words), "\(result.standardError)")
                }
            }
        }

        @Test(
            "C2: a truncated archive and a damaged image are refused with exit code 1 and nothing left",
            arguments: [
                "head --bytes=600 $1 > $2", "head --bytes=5000 $3 > $2",
            ])
        func damagedSources(script: String) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                try shell(script, package.path, folder("x"), package.members + "/appliance-disk1.vmdk")
                let point = try folder.makeFolder("mnt")
                let result = try Ovafs.attempt("mount", folder("x"), point)
                #expect(result.exitCode == 1, "\(result.standardError)")
                #expect(result.standardError.split(separator: "\n").count == 1, "\(result.standardError)")
                #expect(folder.mountPoints().isEmpty && folder.processes().isEmpty)
            }
        }

        @Test("C8: info lists the disks, and --json is for programs")
        func info() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let table = try run([try Ovafs.path(), "info", package.path]).text
                #expect(table.contains("vmdisk1"))
                #expect(table.contains("24 MiB"))
                let json = try run([try Ovafs.path(), "info", package.path, "--json"])
                let path = try folder.write(json.text, to: "info.json")
                let sizes = try run([
                    "jq", "-r", ".disks[] | \"\\(.id) \\(.virtualSize) \\(.raw.text)\"", path,
                ]).lines
                #expect(
                    sizes == [
                        "vmdisk1 \(24 << 20) \(StandardPackage.first)",
                        "vmdisk2 \(StandardPackage.secondByteCount) \(StandardPackage.second)",
                    ])
                #expect(try Summary(json.standardOutput).warnings.isEmpty)
            }
        }

        @Test("T9 T10: info.json is what info prints, and stats.json counts")
        func controlFiles() throws {
            try withStandardMount { package, mount, _ in
                let printed = try run([try Ovafs.path(), "info", package.path, "--json"]).standardOutput
                #expect(try Data(contentsOf: URL(fileURLWithPath: mount(".ova/info.json"))) == printed)
                let before = try Statistics(of: mount)
                try run(["cmp", mount(StandardPackage.second), package.secondReference])
                let after = try Statistics(of: mount)
                #expect(after.bytesServed >= before.bytesServed + StandardPackage.secondByteCount)
                #expect(after.clustersDecoded > before.clustersDecoded)
                #expect(after.sourceBytesRead > before.sourceBytesRead)
                #expect(after.failedReads == 0)
            }
        }

        @Test(
            "C8: --help and --version answer on standard output",
            arguments: [
                ["--help"], ["--version"], ["mount", "--help"], ["info", "--help"], ["help", "mount"],
                ["unmount", "--help"], ["extract", "--help"], ["verify", "--help"],
            ])
        func help(arguments: [String]) throws {
            let result = try attempt([try Ovafs.path()] + arguments)
            #expect(result.exitCode == 0)
            #expect(!result.text.isEmpty)
            #expect(result.standardError.isEmpty)
        }

        @Test("T1: the descriptor is well-formed XML in the mount, as xmllint reads it")
        func xmllint() throws {
            try withStandardMount { _, mount, _ in
                try run(["xmllint", "--noout", "--nonet", mount("appliance.ovf")])
            }
        }

        @Test(
            "C8: the examples of the source tree decode to their digests",
            arguments: ["web-server.ova", "lab-vm.ova", "odd-folder"])
        func examples(name: String) throws {
            try withTestFolder { folder in
                let examples = Ovafs.sourceTree.appendingPathComponent("Examples")
                let point = String(name.prefix { $0 != "." })
                let mount = try Mount(examples.appendingPathComponent(name).path, in: folder, on: point)
                let sums = try String(
                    contentsOf: examples.appendingPathComponent("SHA256SUMS"), encoding: .utf8)
                let wanted = sums.split(separator: "\n").filter { $0.contains("  \(point)/") }
                #expect(!wanted.isEmpty)
                let list = try folder.write(wanted.joined(separator: "\n") + "\n", to: "SHA256SUMS")
                try run(["sha256sum", "--check", "--strict", list], in: folder.url)
                try mount.unmount()
            }
        }
    }
}
