// Advice, in the words of the command that gives it: SEMANTICS C4.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

extension EndToEnd {
    @Suite struct AdviceTests {
        /// Runs each command on `source` and looks for its own option in what it says, and for none of the others'.
        private func check(_ source: String, in folder: TestFolder) throws {
            let point = try folder.makeFolder("point")
            let mounted = try Ovafs.attempt("mount", source, point)
            #expect(mounted.standardError.contains("; -o lenient "), "\(mounted.standardError)")
            #expect(!mounted.standardError.contains("--lenient"))
            if mounted.exitCode == 0 { try EndToEndTests.unmount(point) }
            let commands = [
                ["info"], ["verify"], ["verify", "--deep"], ["extract", "-o", folder("out.raw")],
            ]
            for command in commands {
                let result = try attempt([try Ovafs.path()] + command + [source])
                let said = result.text + result.standardError
                #expect(said.contains("; --lenient "), "\(command): \(said)")
                let isCopy = command[0] == "extract"
                #expect(said.contains("--lenient copies what is there") == isCopy, "\(command): \(said)")
                #expect(!said.contains("-o lenient"), "\(command): \(said)")
            }
        }

        /// A streamOptimized image that has lost its footer.
        private func cutImage(_ folder: TestFolder) throws -> String {
            let image = try folder.makeFolder("image") + "/disk.vmdk"
            let bytes = StreamOptimizedBuilder(GrainContent.mixed(20)).build().bytes
            try Data(bytes.dropLast(1536)).write(to: URL(fileURLWithPath: image))
            return image
        }

        @Test("C4: an image that is cut short, by itself, comes with the command's own option for it")
        func image() throws {
            try withTestFolder { folder in try check(try cutImage(folder), in: folder) }
        }

        @Test("C4: so does one in a package, and a package without a descriptor")
        func package() throws {
            try withTestFolder { folder in
                let image = try cutImage(folder)
                try folder.write(
                    descriptor(
                        files: [ReferencedFile(id: "f", href: "disk.vmdk")],
                        disks: [ListedDisk(id: "d", file: "f", capacity: "\"163840\"")]),
                    to: "image/vm.ovf")
                let place = URL(fileURLWithPath: image).deletingLastPathComponent().path
                try Fixtures.tar(["vm.ovf", "disk.vmdk"], in: place, to: folder("vm.ova"))
                try check(folder("vm.ova"), in: folder)
            }
            try withTestFolder { folder in
                try folder.write("A note.\n", to: "note.txt")
                try Fixtures.tar(["note.txt"], in: folder.path, to: folder("none.ova"))
                try check(folder("none.ova"), in: folder)
            }
        }
    }
}
