// What shells offer behind what was typed: SEMANTICS C14.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension EndToEnd {
    @Suite struct CompletionTests {
        /// What bash offers behind `line`, whose last word is not finished, in `folder`.
        private func offered(_ line: [String], in folder: TestFolder) throws -> [String] {
            let program = URL(fileURLWithPath: try Ovafs.path()).deletingLastPathComponent().path
            return try run(
                [
                    "bash", "-euc",
                    """
                    PATH=$1:$PATH; shift
                    source <(ovafs --generate-completion-script bash)
                    complete=$(complete -p ovafs | sed 's/.* -F \\([^ ]*\\) .*/\\1/')
                    COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMP_LINE="$*"; COMP_POINT=${#COMP_LINE}
                    COMPREPLY=()
                    set +eu
                    "$complete" ovafs "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
                    printf '%s\\n' "${COMPREPLY[@]}"
                    """, "bash", program,
                ] + line, in: folder.url
            ).lines.sorted()
        }

        @Test("C14: commands, mount options, files and the disks of a package")
        func bash() throws {
            try withTestFolder { folder in
                _ = try StandardPackage(in: folder)
                try folder.makeFolder("a folder")
                for (line, wanted) in [
                    (["ovafs", "un"], ["unmount"]),
                    (["ovafs", "mount", "-o", "ctl"], ["ctldir=hidden", "ctldir=visible"]),
                    (["ovafs", "mount", "-o", "allow_other,ex"], ["allow_other,exec"]),
                    (
                        ["ovafs", "mount", "-o", "ctldir", "=", "hidden,lenient,l"],
                        [
                            "hidden,lenient,links=inside", "hidden,lenient,links=none",
                            "hidden,lenient,log=stderr", "hidden,lenient,log=syslog",
                        ]
                    ),
                    // As bash takes them apart.
                    (["ovafs", "mount", "-o", "ctldir", "=", "v"], ["visible"]),
                    (["ovafs", "mount", "-o", "ctldir", "="], ["hidden", "visible"]),
                    (["ovafs", "mount", "-o", "uid", "=", "0,ctldir", "=", "h"], ["hidden"]),
                    (["ovafs", "mount", "-o", "uid", "=", "0,len"], ["0,lenient"]),
                    (["ovafs", "mount", "app"], ["appliance.ova"]),
                    (["ovafs", "unmount", "a"], ["a folder"]),
                    (["ovafs", "extract", "appliance.ova", "vm"], ["vmdisk1", "vmdisk2"]),
                    (
                        ["ovafs", "extract", "-o", "disk1.raw", "./appliance.ova", "vmdisk1", "app"],
                        ["appliance-disk1.raw", "appliance-disk1/1", "appliance-disk2.raw"]
                    ),
                    // The values of options are no sources, though files are called like them.
                    (
                        ["ovafs", "extract", "--cache-dir", ".", "--threads", "2", "appliance.ova", "vm"],
                        ["vmdisk1", "vmdisk2"]
                    ),
                    (
                        [
                            "ovafs", "extract", "--open-memory", "=", "1G", "--map", "disk2.raw",
                            "appliance.ova", "vm",
                        ],
                        ["vmdisk1", "vmdisk2"]
                    ),
                    (
                        ["ovafs", "extract", "--keep-going", "-f", "appliance.ova", "vm"],
                        ["vmdisk1", "vmdisk2"]
                    ),
                    (["ovafs", "upload", "--name", "x", "appliance.ova", "vm"], ["vmdisk1", "vmdisk2"]),
                    (["ovafs", "extract", "absent.ova", "vm"], []),
                    (["ovafs", "extract", "disk2.raw", "di"], ["disk2.raw"]),
                ] {
                    #expect(try offered(line, in: folder) == wanted, "\(line)")
                }
            }
        }

        @Test("C14: each mount option of the manual is offered")
        func options() throws {
            try withTestFolder { folder in
                let offered = try offered(["ovafs", "mount", "-o", ""], in: folder)
                let names = Set(offered.map { String($0.prefix { $0 != "=" }) })
                let manual = try String(
                    contentsOf: Ovafs.sourceTree.appendingPathComponent("docs/ovafs.1"), encoding: .utf8)
                let section = manual.components(separatedBy: ".Ss ").first { $0.hasPrefix("Mount options") }
                let explained = try #require(section).split(separator: "\n").filter {
                    $0.hasPrefix(".It Cm ")
                }
                .flatMap { $0.dropFirst(7).split(separator: " , ") }
                .map { $0.hasPrefix("Cm ") ? $0.dropFirst(3) : $0 }
                .map { String($0.prefix { $0.isLetter || $0 == "_" || $0 == "-" || $0 == "." }) }
                #expect(explained.count > 12)
                #expect(Set(explained) == names)
            }
        }
    }
}
