// Making images of an OpenStack cloud.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import TestSupport
import Testing

extension EndToEnd.GlanceTests {
    private func upload(_ arguments: [String], limit: Int = 120) throws -> CommandResult {
        try attempt([try Ovafs.path(), "upload", "--os-cloud=demo"] + arguments, limit: limit)
    }

    /// The id of the image that is made.
    private func uploaded(_ arguments: [String]) throws -> String {
        let result = try upload(arguments, limit: 400)
        guard result.exitCode == 0 else { throw CommandFailure(result: result) }
        #expect(result.standardError.isEmpty, "\(result.standardError)")
        #expect(result.lines.count == 1)
        return result.text
    }

    /// How many images of the cloud are called so, of whatever status.
    private func count(_ name: String) throws -> Int {
        let list = try run([try Ovafs.path(), "images", "--os-cloud=demo", "--json"])
        struct List: Decodable {
            struct Image: Decodable { let name: String? }
            let images: [Image]
        }
        let images = try JSONDecoder().decode(List.self, from: list.standardOutput).images
        return images.count { $0.name == name }
    }

    @Test(
        "G11: a disk becomes a raw image, a file one as it is, with formats and properties of the descriptor")
    func uploads() throws {
        try server.ensure()
        try withTestFolder { folder in
            let package = try StandardPackage(in: folder)
            let raw = try uploaded([
                package.path, "vmdisk1", "--name", "up-raw", "--property", "os_type=linux", "--tag", "t",
                "--private",
            ])
            try run(["cmp", server.storedFile(raw), package.firstReference])
            let filter =
                "[.name, .status, .disk_format, .container_format, .min_disk, .hw_disk_bus, .hw_scsi_model, "
                + ".vmware_adaptertype, .vmware_disktype, .os_type, .tags[0], .visibility, .protected] | @csv"
            #expect(
                try server.described(raw, filter)
                    == #""up-raw","active","raw","bare",1,"scsi","lsilogic","lsiLogic",,"linux","t","private",false"#
            )
            let part = try uploaded([package.path, "appliance-disk1/1", "--name", "up-part"])
            try run([
                "cmp", "--ignore-initial=0:\(StandardPackage.partition.start)",
                "--bytes=\(StandardPackage.partition.byteCount)", server.storedFile(part),
                package.firstReference,
            ])
            let member = package.members + "/appliance-disk2.vmdk"
            let stored = try uploaded([package.path, "vmdisk2", "--as-stored", "--name", "up-member"])
            try run(["cmp", server.storedFile(stored), member])
            #expect(
                try server.described(stored, "[.disk_format, .vmware_disktype] | @csv")
                    == #""vmdk","streamOptimized""#)
            let image = folder("d.qcow2")
            try run([
                "qemu-img", "convert", "-f", "raw", "-O", "qcow2", package.secondReference, image,
            ])
            let qcow2 = try uploaded([image, "--as-stored", "--name", "up-qcow2"])
            try run(["cmp", server.storedFile(qcow2), image])
            #expect(
                try server.described(qcow2, "[.disk_format, .container_format] | @csv") == #""qcow2","bare""#)
            // Words that are not what the bytes say are sent, and not in silence.
            let told = try upload([image, "--as-stored", "--disk-format", "raw", "--name", "up-told"])
            #expect(
                told.exitCode == 0
                    && told.standardError.contains("of format qcow2, and the service is told raw"),
                "\(told.standardError)")
            let json = try upload([package.path, "--as-stored", "--name", "up-ova", "--json", "--protected"])
            let id = try shell("jq --raw-output .id <<< \"$1\"", json.text).text
            try run(["cmp", server.storedFile(id), package.path])
            #expect(
                try server.described(id, "[.disk_format, .container_format, .min_disk, .protected] | @csv")
                    == #""vmdk","ova",1,true"#)
            try withMount(of: "glance:up-ova", in: folder, options: "os_cloud=demo") { mount in
                for (name, reference) in package.references { try run(["cmp", mount(name), reference]) }
            }
            // People see the id before the image is whole.
            try shell(
                """
                TERM=xterm script --quiet --return --command \
                    "'$1' upload --os-cloud=demo '$2' vmdisk1 --name up-seen" "$3" > /dev/null < /dev/null
                """, try Ovafs.path(), package.path, folder("seen"))
            let seen = try String(contentsOfFile: folder("seen"), encoding: .utf8)
            #expect(seen.contains(/image [-0-9a-f]{36} is made/), "\(seen)")
            // A name may be given twice, and who reads by it has to know.
            let again = try upload([image, "--name", "up-qcow2"])
            #expect(again.exitCode == 0 && again.standardError.contains(qcow2))
            try run(["cmp", server.storedFile(again.text), package.secondReference])
        }
    }

    @Test("G12: nothing stays of what cannot be read, is no image, or is refused; each is one line")
    func refusedUploads() throws {
        try server.ensure()
        try withTestFolder { folder in
            let package = try StandardPackage(in: folder)
            let damaged = try DamagedImage(in: folder)
            // A member that is not what the manifest says.
            try shell(
                "printf x | dd of=\"$1\" bs=1 seek=70000 conv=notrunc status=none",
                package.members + "/appliance-disk2.vmdk")
            let changed = folder("changed.ova")
            try Fixtures.tar(StandardPackage.memberNames, in: package.members, to: changed)
            let (cut, disk) = (folder("cut.ova"), folder("cut.raw"))
            try shell("head -c -9000 \"$1\" > \"$2\"", package.path, cut)
            try shell(
                "truncate -s 4M \"$1\"; echo 'start=2048, size=6144' | sfdisk --quiet \"$1\"; truncate -s 3M \"$1\"",
                disk)
            let (short, lacking) = (folder("short.qcow2"), folder("lacking.ova"))
            try shell(
                "qemu-img convert -f raw -O qcow2 \"$1\" \"$2\"; truncate -s -200000 \"$2\"",
                package.secondReference, short)
            try Fixtures.tar(
                StandardPackage.memberNames.filter { !$0.contains("disk2") }, in: package.members, to: lacking
            )
            let cases: [([String], Int32, String)] = [
                ([short, "--as-stored"], 1, "it was cut short, or is damaged there; --lenient"),
                ([lacking, "--as-stored"], 1, "; --lenient"),
                ([changed, "--as-stored"], 1, "manifest"), ([cut, "--as-stored"], 1, "cut.ova: "),
                ([disk, "cut/1"], 1, "the disk ends 1048576 bytes before it does"),
                ([damaged.path], 1, "grain"), ([changed, "vmdisk2", "--as-stored"], 1, "manifest"),
                ([package.path], 2, "vmdisk1, vmdisk2"), ([package.path, "nothing"], 2, "nothing"),
                ([package.path, "appliance-disk1/1", "--as-stored"], 2, "no file of its own"),
                ([package.path, "vmdisk1", "--disk-format", "qcow2"], 2, "--as-stored"),
                ([damaged.path, "--as-stored", "--disk-format", "nonsense"], 2, "nonsense"),
                ([package.path, "vmdisk1", "--tag", ""], 2, "--tag"),
                ([package.path, "vmdisk1", "--property", "a=1", "--property", "a=2"], 2, "twice"),
                ([folder("absent.ova")], 3, "absent.ova"),
            ]
            for (arguments, exitCode, words) in cases {
                let result = try upload(arguments + ["--name", "refused"])
                #expect(result.exitCode == exitCode, "\(arguments): \(result.standardError)")
                #expect(result.standardError.contains(words), "\(result.standardError)")
                // Notes of what is known of the file may stand before.
                let lines = result.standardError.split(separator: "\n")
                    .filter { !$0.hasPrefix("ovafs: note: ") }
                #expect(lines.count == 1, "\(result.standardError)")
                #expect(result.text.isEmpty)
            }
            #expect(try count("refused") == 0)
            let long = try upload([package.path, "--name", String(repeating: "x", count: 256)])
            #expect(long.exitCode == 2 && long.standardError.contains("255"), "\(long.standardError)")
            try shell("sed s/demo-secret/wrong/ \"$1\" > \"$2\"", server.configuration, folder("wrong.yaml"))
            let wrong = try attempt([
                "env", "OS_CLIENT_CONFIG_FILE=" + folder("wrong.yaml"), try Ovafs.path(), "upload",
                package.path,
                "vmdisk1", "--name", "refused", "--os-cloud=demo",
            ])
            #expect(wrong.exitCode == 3, "\(wrong.standardError)")
            let unknown = try attempt([
                try Ovafs.path(), "upload", damaged.path, "--name", "x", "--os-cloud=absent",
            ])
            #expect(unknown.exitCode == 2 && unknown.standardError.contains("absent"))
        }
    }

    @Test("G12: a signal ends an upload, by the signal, and its image")
    func interruptedUpload() throws {
        try server.ensure()
        try withSlowDisk { address, _, folder in
            let line =
                """
                set -m
                "$0" upload --os-cloud=demo "$1" --name interrupted > "$2" 2>&1 &
                \(server.waitingLine(forMoreThan: server.storedCount))
                kill -INT %1
                code=0; wait %1 || code=$?
                cat "$2"; exit $code
                """
            let result = try attempt(
                ["bash", "-c", line, try Ovafs.path(), address, folder("output")], limit: 120)
            #expect(result.exitCode == 130 && result.text.isEmpty, "\(result.text)")
            #expect(try count("interrupted") == 0)
        }
    }

    @Test("G13: an upload whose service is started again is begun anew")
    func restartedService() throws {
        try server.ensure()
        try withSlowDisk { address, disk, folder in
            let line =
                """
                "$0" upload --os-cloud=demo --timeout 240 "$1" --name restarted > "$2" &
                \(server.waitingLine(forMoreThan: server.storedCount))
                \(server.stopLine); \(server.startLine(""))
                wait $!
                """
            try run(
                ["bash", "-euc", line, try Ovafs.path(), address, folder("output")], limit: 400)
            let id = try String(contentsOfFile: folder("output"), encoding: .utf8).dropLast()
            try run(["cmp", server.storedFile(String(id)), disk])
            #expect(try count("restarted") == 1)
        }
    }

    /// An upload that takes longer than the token that it begins with lives.
    func uploadOutlastingItsToken(_ disk: String, in folder: TestFolder) throws {
        let web = try WebServer(in: folder)
        defer { web.end() }
        try run(["cp", disk, folder("www/disk.raw")])
        let id = try uploaded([web.address("slower/disk.raw"), "--name", "outlasting", "--timeout=60"])
        try run(["cmp", server.storedFile(id), disk])
    }

    /// A raw disk, and the address of a server that takes some seconds for it.
    private func withSlowDisk(
        _ body: (_ address: String, _ disk: String, _ folder: TestFolder) throws -> Void
    ) throws {
        try withTestFolder { folder in
            let disk = try disk(in: folder)
            let web = try WebServer(in: folder)
            defer { web.end() }
            try run(["cp", disk, folder("www/disk.raw")])
            try body(web.address("slow/disk.raw"), disk, folder)
        }
    }
}
