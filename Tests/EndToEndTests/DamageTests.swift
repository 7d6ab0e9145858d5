// Damaged, hostile and changing sources: SEMANTICS, "The tree" and "Files".
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Testing

extension EndToEnd {
    @Suite struct DamageTests {
        @Test(
            "F8 F13: a damaged grain answers EIO, every other byte is right, and the state says so afterwards",
            arguments: ["", "cache=none"])
        func damagedGrain(options: String) throws {
            try withTestFolder { folder in
                let image = try DamagedImage(in: folder)
                try withMount(of: image.path, in: folder, options: options) { mount in
                    let state = ["getfattr", "--only-values", "-n", "user.ova.state", mount("damaged.raw")]
                    #expect(try run(state, in: folder.url).text == "ok")
                    let file = try PosixFile(mount("damaged.raw"))
                    let reference = try PosixFile(image.reference)
                    for offset in stride(from: 0, to: DamagedImage.byteCount, by: 4096) {
                        let wanted: Result<[UInt8], SystemCallError> =
                            DamagedImage.damaged.contains(offset)
                            ? .failure(SystemCallError(call: "pread", errno: EIO))
                            : .success(try reference.read(4096, at: offset))
                        let found = Result { () throws(SystemCallError) in try file.read(4096, at: offset) }
                        #expect(found == wanted, "at \(offset)")
                    }
                    let known = try run(state, in: folder.url).text
                    #expect(known.hasPrefix("damaged: cluster 4 "), "\(known)")
                    // A copy that meets it fails, and says so.
                    let copy = try attempt(["cp", mount("damaged.raw"), folder("copy")])
                    #expect(copy.exitCode == 1)
                    #expect(copy.standardError.contains("Input/output error"))
                }
            }
        }

        @Test(
            "F9: after the source changes, reads answer ESTALE or EIO",
            arguments: [
                "printf x | dd of=$1 bs=1 seek=300000 conv=notrunc status=none",
                "truncate --size=100000 $1",
                "cp $1 $1.new; printf x >> $1.new; cat $1.new > $1", "cp $1 $1.new; mv $1.new $1", "rm $1",
                // The time is set back afterwards, to the nanosecond.
                """
                touch -r $1 $1.time; printf x | dd of=$1 bs=1 seek=300000 conv=notrunc status=none
                touch -r $1.time $1
                """,
            ])
        func changedSource(change: String) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                try withMount(of: package.path, in: folder, options: "cache=none") { mount in
                    let file = try PosixFile(mount(StandardPackage.first))
                    let before = try file.read(512, at: 0)
                    try shell(change, package.path)
                    let size = Int(try PosixFile(package.firstReference).status().st_size)
                    let reference = try PosixFile(package.firstReference)
                    var errors: Set<CInt> = []
                    // What is still in the cache may be served; what is read from the source may not.
                    for offset in stride(from: 0, to: size, by: 1 << 16) {
                        do throws(SystemCallError) {
                            let bytes = try file.read(1 << 16, at: offset)
                            #expect(
                                try bytes == reference.read(1 << 16, at: offset), "wrong bytes at \(offset)")
                        } catch {
                            errors.insert(error.errno)
                        }
                    }
                    #expect(!errors.isEmpty)
                    #expect(errors.isSubset(of: [ESTALE, EIO]), "\(errors)")
                    #expect(before.count == 512)
                }
            }
        }

        @Test("F9: a new name, mode, owner or attribute of the source is no change of it")
        func untouchedContent() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                try withMount(of: package.path, in: folder, options: "cache=none") { mount in
                    for change in [
                        "chmod 600 $1", "chmod 600 $1", "chown $(id -u) $1", "ln $1 $1.link", "rm $1.link",
                        "setfattr -n user.note -v x $1", "mv $1 $1.moved", "mv $1.moved $1",
                    ] {
                        try shell(change, package.path)
                        try run(["cmp", mount(StandardPackage.first), package.firstReference])
                    }
                }
            }
        }

        @Test(
            "F9: of a disk in pieces, reads that touch a changed piece answer ESTALE, and the others are right"
        )
        func changedPiece() throws {
            try withTestFolder { folder in
                let piece = 1 << 20
                try folder.makeFolder("members")
                try Fixtures.rawDisk(folder("disk.raw"), byteCount: 5 * piece, data: [0..<5 * piece])
                try shell(
                    "split --bytes=\(piece) --numeric-suffixes --suffix-length=9 $1 $2/disk.img.",
                    folder("disk.raw"), folder("members"))
                let file = ReferencedFile(
                    id: "a", href: "disk.img",
                    attributes: "ovf:size=\"\(5 * piece)\" ovf:chunkSize=\"\(piece)\"")
                let disk = ListedDisk(id: "d1", file: "a", capacity: "\"\(5 * piece)\"")
                try folder.write(descriptor(files: [file], disks: [disk]), to: "members/x.ovf")
                try withMount(of: folder("members"), in: folder, options: "cache=none") { mount in
                    let reference = try PosixFile(folder("disk.raw"))
                    let disk = try PosixFile(mount("disk.raw"))
                    #expect(try disk.read(4096, at: 2 * piece) == reference.read(4096, at: 2 * piece))
                    try shell(
                        "printf x | dd of=$1 bs=1 seek=5000 conv=notrunc status=none",
                        folder("members/disk.img.000000002"))
                    try shell("rm $1", folder("members/disk.img.000000004"))
                    for offset in stride(from: 0, to: 5 * piece, by: piece / 4) {
                        // Half a piece, so that some reads reach into the next one.
                        let touched = [offset / piece, (offset + piece / 2 - 1) / piece]
                        let found = Result { () throws(SystemCallError) in
                            try disk.read(piece / 2, at: offset)
                        }
                        if touched.contains(2) || touched.contains(4) {
                            #expect(found == .failure(SystemCallError(call: "pread", errno: ESTALE)))
                        } else {
                            #expect(try found.get() == reference.read(piece / 2, at: offset), "at \(offset)")
                        }
                    }
                    #expect(openFailure(mount("disk.raw")) == ESTALE)
                }
            }
        }

        @Test("C4 F8: an error of the source stays EIO, and the message names the file and the place")
        func sourceError() throws {
            try withTestFolder { folder in
                let image = try DamagedImage(in: folder)
                try withMount(of: image.path, in: folder) { mount in
                    let source = mount("damaged.raw")
                    let copied = try Ovafs.attempt("extract", source, "--output=" + folder("copy"))
                    #expect(copied.exitCode != 0)
                    let wanted =
                        "read \(source) at byte \(DamagedImage.damaged.lowerBound): Input/output error"
                    #expect(copied.standardError.contains(wanted), "\(copied.standardError)")
                    let log = folder("log")
                    let second = try Mount(source, in: folder, on: "second", options: "log=\(log)")
                    #expect(try attempt(["cat", second("damaged.raw")]).exitCode == 1)
                    try second.unmount()
                    #expect(try String(contentsOfFile: log, encoding: .utf8).contains(wanted))
                }
            }
        }

        @Test("T12: a disk that cannot be decoded hides nothing else, and is explained")
        func undecodableDisk() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                // The header says version 99.
                try shell(
                    """
                    printf '\\143' | dd of="$1/appliance-disk1.vmdk" bs=1 seek=4 conv=notrunc status=none
                    tar --create --file "$2" -C "$1" appliance.ovf appliance-disk1.vmdk appliance-disk2.vmdk notes.txt
                    """, package.members, folder("x.ova"))
                try withMount(of: folder("x.ova"), in: folder) { mount in
                    let names = try run(["ls", mount.point]).lines
                    #expect(!names.contains(StandardPackage.first))
                    #expect(names.contains("appliance-disk1.vmdk"))
                    try run(["cmp", mount(StandardPackage.second), package.secondReference])
                    try run([
                        "cmp", mount(".ova/stored/appliance-disk1.vmdk"),
                        package.members + "/appliance-disk1.vmdk",
                    ])
                    #expect(mount.messages.contains("vmdisk1"))
                    let summary = try Summary(Data(contentsOf: URL(fileURLWithPath: mount(".ova/info.json"))))
                    let disk = try #require(summary.disks.first { $0.id == "vmdisk1" })
                    #expect(disk.raw == nil)
                    #expect(disk.error != nil)
                }
            }
        }

        @Test(
            "T11 C3 C4: a package without a sound descriptor is not mounted, but with lenient it is",
            arguments: [
                ("missing", "true"), ("empty", ": > x.ovf"), ("no XML", "echo hello > x.ovf"),
                ("cut short", "head --bytes=300 appliance.ovf > x.ovf"),
                (
                    "with a document type",
                    "sed 's/<Envelope/<!DOCTYPE Envelope [<!ENTITY a \"b\">]><Envelope/' appliance.ovf > x.ovf"
                ), ("of another kind", "echo '<html/>' > x.ovf"),
            ])
        func brokenDescriptor(what: String, script: String) throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                try shell(
                    "cd $1; rm -f x.ovf; \(script); tar -cf $2 $(ls x.ovf 2> /dev/null || true) appliance-disk2.vmdk",
                    package.members, folder("x.ova"))
                let point = try folder.makeFolder("refused")
                let result = try Ovafs.attempt("mount", folder("x.ova"), point)
                #expect(result.exitCode == 1)
                #expect(result.standardError.split(separator: "\n").count == 1, "\(result.standardError)")
                #expect(folder.mountPoints().isEmpty)
                #expect(folder.processes().isEmpty)
                try withMount(of: folder("x.ova"), in: folder, options: "lenient") { mount in
                    try run(["cmp", mount(StandardPackage.second), package.secondReference])
                }
            }
        }

        @Test("T14: links, absolute names and .. in an archive lead nowhere")
        func hostileNames() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let secret = try folder.write("the secret of this host\n", to: "secret.txt")
                try shell(
                    """
                    cd "$1"; ln -s "$2" link.txt; ln -s "$2" disk3.vmdk
                    tar --create --file "$3" appliance.ovf appliance-disk1.vmdk appliance-disk2.vmdk notes.txt link.txt
                    tar --append --file "$3" --absolute-names --transform 's|notes.txt|../../up.txt|' notes.txt
                    tar --append --file "$3" --absolute-names --transform 's|notes.txt|/etc/absolute.txt|' notes.txt
                    """, package.members, secret, folder("x.ova"))
                try withMount(of: folder("x.ova"), in: folder, options: "ctldir=visible") { mount in
                    let all = try run(["find", mount.point, "-printf", "%y %P\n"]).lines
                    #expect(!all.contains { $0.contains("..") })
                    #expect(!all.contains { $0.hasPrefix("l ") && $0.contains("link.txt") })
                    #expect(try attempt(["grep", "-r", "secret of this host", mount.point]).exitCode == 1)
                    try run(["cmp", mount(StandardPackage.second), package.secondReference])
                }
            }
        }
    }
}
