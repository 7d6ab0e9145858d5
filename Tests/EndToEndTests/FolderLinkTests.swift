// Folder packages with symbolic links, and with names that are no files: SEMANTICS T13 and T14.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension EndToEnd {
    @Suite struct FolderLinkTests {
        /// A folder package whose first disk is a link that stays inside, and whose second leads outside.
        private func linked(_ folder: TestFolder) throws -> StandardPackage {
            let package = try StandardPackage(in: folder)
            try shell(
                """
                cd "$1"; mkdir store; mv appliance-disk1.vmdk store/one; ln -s ./store/../store/one appliance-disk1.vmdk
                mv appliance-disk2.vmdk ..; ln -s ../appliance-disk2.vmdk .
                """, package.members)
            return package
        }

        @Test(
            "T13 T14: links of a folder package are named, and followed inside the folder where that is asked for"
        )
        func links() throws {
            try withTestFolder { folder in
                let package = try linked(folder)
                let mount = try Mount(package.members, in: folder)
                #expect(mount.messages.contains("symbolic link to \"./store/../store/one\""))
                #expect(mount.messages.contains("-o links=inside"))
                #expect(
                    try run(["ls", mount.point]).lines.sorted() == [
                        "appliance.mf", "appliance.ovf", "notes.txt",
                    ])
                try mount.unmount()
                let info = try Ovafs.attempt("info", package.members)
                #expect(info.text.contains("; --links-inside "))
                #expect(!info.text.contains("links=inside"))
                #expect(try Ovafs.attempt("verify", package.members).exitCode == 1)

                let followed = try Mount(package.members, in: folder, on: "followed", options: "links=inside")
                try run(["cmp", followed(StandardPackage.first), package.firstReference])
                #expect(followed.messages.contains("outside of the folder"))
                #expect(!FileManager.default.fileExists(atPath: followed(StandardPackage.second)))
                try followed.unmount()
                let extracted = try attempt([
                    try Ovafs.path(), "extract", "--links-inside", package.members, "vmdisk1", "-o",
                    folder("one.raw"),
                ])
                #expect(extracted.exitCode == 0)
                try run(["cmp", folder("one.raw"), package.firstReference])
                let wrong = try Ovafs.attempt("mount", package.members, followed.point, "-o", "links=all")
                #expect(wrong.exitCode == 2)
                #expect(wrong.standardError.contains("none or inside"))
            }
        }

        @Test("T12 T13: a fifo, a socket or a folder in a file's place hides itself and nothing else")
        func otherKinds() throws {
            for script in [
                "mkfifo appliance-disk1.vmdk", "mkdir appliance-disk1.vmdk",
                "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"appliance-disk1.vmdk\")'",
            ] {
                try withTestFolder { folder in
                    let package = try StandardPackage(in: folder)
                    try shell("cd \"$1\"; rm appliance-disk1.vmdk; \(script)", package.members)
                    try withMount(of: package.members, in: folder) { mount in
                        #expect(mount.messages.contains("not a regular file"), "\(mount.messages)")
                        try run(["cmp", mount(StandardPackage.second), package.secondReference])
                        // The disk that the machine starts from is gone: no other takes its place.
                        #expect(try run(["ls", "-A", mount(".ova")]).lines.contains("root-disk") == false)
                    }
                    #expect(try Ovafs.attempt("info", package.members).text.contains("root-disk-missing"))
                }
            }
        }

        @Test("T13: a descriptor is called by bytes, and a link that the user names is the user's own")
        func descriptorNames() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let program = try Ovafs.path()
                try shell(
                    """
                    cd "$2"; cp appliance.ovf $'v\\xe4.ovf'; "$1" info $'v\\xe4.ovf' > /dev/null
                    cd ..; ln -s "$2/appliance.ovf" l.ovf; ln -s l.ovf twice
                    for name in l.ovf twice; do "$1" info $name > /dev/null; done
                    """, program, package.members, in: URL(fileURLWithPath: folder.path))
            }
        }

        @Test("C10: a manifest that is there and cannot be opened fails every verification")
        func refusedManifest() throws {
            for script in [
                "ln -s real.manifest appliance.mf", "ln -s nowhere appliance.mf", "mkfifo appliance.mf",
            ] {
                try withTestFolder { folder in
                    let package = try StandardPackage(in: folder)
                    try shell("cd \"$1\"; mv appliance.mf real.manifest; \(script)", package.members)
                    for options in [["--deep"], ["--no-manifest"], ["--deep", "--no-manifest"], []] {
                        let result = try attempt(
                            [try Ovafs.path(), "verify", package.members] + options)
                        #expect(result.exitCode == 1, "\(script) \(options): \(result.text)")
                        #expect(result.text.contains("the manifest cannot be read"))
                    }
                }
            }
        }

        @Test(
            "C10: a manifest that may not be read fails every verification",
            .enabled(if: EndToEnd.isRoot, "needs root to be another user"))
        func manifestWithoutPermission() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                // As root, everything can be read.
                let user = OrdinaryUser(
                    preparation: "tar --extract --file=/mnt/source; chown root: *; chmod 000 appliance.mf")
                for (options, status) in [("", 1), ("--no-manifest", 1), ("--deep --no-manifest", 1)] {
                    let result = try user.attempt(
                        "ovafs verify appliance.ovf \(options)", source: package.path)
                    #expect(result.exitCode == status, "\(options): \(result.standardError)")
                    #expect(result.standardError.contains("the manifest cannot be read"))
                    #expect(result.standardError.contains("Permission denied"))
                }
                let mount = try user.attempt(
                    "ovafs mount appliance.ovf mnt -o verify=manifest", source: package.path)
                #expect(mount.exitCode == 1 && mount.standardError.contains("the manifest cannot be read"))
            }
        }

        @Test("C10: a folder that is called like a manifest is none, in a folder package and in an archive")
        func folderForManifest() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                try shell(
                    "cd \"$1\"; mkdir x; mv appliance.mf x/m; mkdir appliance.mf; mv x/m appliance.mf/; rmdir x",
                    package.members)
                try shell(
                    "cd \"$1\"; tar --create --file=../x.ova appliance.ovf appliance.mf *.vmdk notes.txt",
                    package.members)
                for source in [package.members, folder("x.ova")] {
                    let result = try Ovafs.attempt("verify", source)
                    #expect(result.exitCode == 1)
                    #expect(result.lines.last?.contains("nothing was checked") == true, "\(result.text)")
                    #expect(try Ovafs.attempt("verify", "--no-manifest", source).exitCode == 0)
                    let point = try folder.makeFolder("refused")
                    #expect(
                        try Ovafs.attempt("mount", source, point, "-o", "verify=manifest").exitCode == 1)
                }
                // Another manifest is the only one.
                try shell("cd \"$1\"; cp appliance.mf/m other.mf", package.members)
                let other = try Ovafs.attempt("verify", package.members)
                #expect(other.exitCode == 0, "\(other.text)")
            }
        }
    }
}
