// Backing files that are named by paths: SEMANTICS T14, D3.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension EndToEnd {
    @Suite struct BackingPathTests {
        @Test(
            "T14 D2: a backing file's whole path counts where it is the image's own folder, by any of its names"
        )
        func ownFolder() throws {
            try withTestFolder { folder in
                let images = try folder.makeFolder("images")
                try Fixtures.rawDisk(folder("disk.raw"), byteCount: 1 << 20, data: [0..<300_000])
                try shell(
                    """
                    cd "$1"; ln -s images link
                    qemu-img convert -f raw -O qcow2 disk.raw images/base.qcow2
                    for way in "$1/images" "$1/link" . ; do
                        name=$(basename "$way"); [ "$name" = . ] && name=dot
                        qemu-img create -q -u -f qcow2 -b "$way/base.qcow2" -F qcow2 "images/$name.qcow2" 1M
                    done
                    """, folder.path)
                for image in [
                    "\(images)/images.qcow2", "\(images)/dot.qcow2", folder("link/link.qcow2"),
                    folder("link/images.qcow2"),
                ] {
                    let copy = folder("copy.raw")
                    try run([try Ovafs.path(), "extract", image, "-o", copy, "--force"])
                    try run(["cmp", copy, folder("disk.raw")])
                }
                // Of an image in a folder package, too; an archive has no folder.
                let disks = [ListedDisk(id: "d", file: "f", capacity: "\"1048576\"")]
                let text = descriptor(files: [ReferencedFile(id: "f", href: "images.qcow2")], disks: disks)
                try folder.write(text, to: "images/x.ovf")
                try run([try Ovafs.path(), "extract", "\(images)/x.ovf", "-o", folder("copy.raw"), "--force"])
                try run(["cmp", folder("copy.raw"), folder("disk.raw")])
                try Fixtures.tar(["x.ovf", "images.qcow2", "base.qcow2"], in: images, to: folder("x.ova"))
                let archived = try Ovafs.attempt(
                    "extract", folder("x.ova"), "-o", folder("copy.raw"), "--force")
                #expect(archived.exitCode == 1)
                #expect(
                    archived.standardError.contains("it leads to another folder"), "\(archived.standardError)"
                )
                // From inside, where the user names no folder.
                let inside = try attempt(
                    [try Ovafs.path(), "info", "images.qcow2"], in: URL(fileURLWithPath: images))
                #expect(inside.text.contains("also reads base.qcow2 (parent, "), "\(inside.standardError)")
            }
        }

        @Test(
            "D3: a path to another folder is refused, though a file of that name is beside the image, with a way out"
        )
        func otherFolder() throws {
            try withTestFolder { folder in
                try folder.makeFolder("other")
                try Fixtures.rawDisk(folder("disk.raw"), byteCount: 1 << 20, data: [0..<300_000])
                try shell(
                    """
                    cd "$1"; qemu-img convert -f raw -O qcow2 disk.raw base.qcow2
                    cp base.qcow2 other/
                    qemu-img create -q -u -f qcow2 -b "$1/other/base.qcow2" -F qcow2 top.qcow2 1M
                    """, folder.path)
                let refused = try Ovafs.attempt("info", folder("top.qcow2"))
                #expect(refused.exitCode == 1)
                let message = refused.standardError
                #expect(message.contains("base.qcow2"), "\(message)")
                // The command is what stands at the end, as it is.
                let start = try #require(message.range(of: "qemu-img rebase"), "\(message)")
                try shell("cd \"$1\"; eval \"$2\"", folder.path, String(message[start.lowerBound...]))
                try run([try Ovafs.path(), "extract", folder("top.qcow2"), "-o", folder("copy.raw")])
                try run(["cmp", folder("copy.raw"), folder("disk.raw")])
            }
        }
    }
}
