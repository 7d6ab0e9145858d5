// Images of an OpenStack cloud: SEMANTICS G1 to G13.
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

extension EndToEnd {
    @Suite(.withGlance) struct GlanceTests {
        let server: GlanceServer

        init() throws {
            server = try #require(GlanceServer.current.withLock { $0 })
        }

        /// A raw disk that is longer than what opening brings.
        func disk(in folder: TestFolder, _ name: String = "disk.raw", mebibytes: Int = 24) throws
            -> String
        {
            let path = folder(name)
            try Fixtures.rawDisk(path, byteCount: mebibytes << 20, data: [0..<mebibytes << 20])
            return path
        }

        /// Reads a block of a mounted disk around the page cache.
        private func read(_ path: String, mebibyte: Int) throws -> CommandResult {
            try attempt(
                ["dd", "if=\(path)", "of=/dev/null", "bs=64K", "skip=\(mebibyte * 16)", "count=1"])
        }

        @Test(
            "G1 G8: a package in the image service, named by name and id, is what the file is, with its properties"
        )
        func package() throws {
            try server.ensure()
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let id = try server.upload(
                    package.path, named: "appliance", container: "ova", disk: "vmdk",
                    members: #""vmware_adaptertype": "paraVirtual", "hw_disk_bus": "virtio""#)
                for source in ["glance:appliance", "glance:\(id)"] {
                    try withMount(of: source, in: folder, options: "os_cloud=demo,ctldir=visible,_netdev") {
                        mount in
                        for (name, reference) in package.references {
                            try run(["cmp", mount(name), reference])
                        }
                        try run(
                            ["sha256sum", "--check", "--quiet", "../checksums.sha256"],
                            in: URL(fileURLWithPath: mount(".ova/stored")))
                        #expect(
                            try run(["findmnt", "--noheadings", "--output", "SOURCE", mount.point]).text
                                == source)
                        func attribute(_ name: String) throws -> String {
                            let file = mount(StandardPackage.first)
                            return try run(["getfattr", "--only-values", "-n", "user.ova.\(name)", file]).text
                        }
                        #expect(try attribute("adapter") == "paraVirtual")
                        #expect(try attribute("property.hw_disk_bus") == "virtio")
                        #expect(try attribute("image-id") == id)
                        let properties = try run(["cat", mount(".ova/glance-properties")]).lines
                        #expect(properties.contains("hw_disk_bus=virtio"))
                    }
                    try run(["rmdir", folder("mnt")])
                }
                let verified = try run([
                    try Ovafs.path(), "verify", "--os-cloud", "demo", "--deep", "glance:appliance",
                ])
                #expect(
                    verified.text.contains("verified")
                        && verified.text.contains("the image's digest is right"))
                let output = try folder.makeFolder("copies")
                try run([try Ovafs.path(), "extract", "--os-cloud=demo", "glance:appliance", "-o", output])
                for (name, reference) in package.references {
                    try run(["cmp", output + "/" + name, reference])
                }
                let info = try run([try Ovafs.path(), "info", "--os-cloud", "demo", "glance:appliance"]).text
                #expect(info.contains(id) && info.contains("vmware_adaptertype: paraVirtual"))
            }
        }

        @Test(
            "G1: images of every kind are disks, and their headers tell their sizes",
            arguments: [
                ("qcow2", "qcow2", "bare"), ("vmdk", "vmdk", "bare"), ("vpc", "vhd", "bare"),
                ("vhdx", "vhdx", "bare"),
                ("vdi", "vdi", "bare"), ("raw", "raw", "bare"), ("qcow2", "qcow2", "compressed"),
            ])
        func image(program: String, format: String, container: String) throws {
            try server.ensure()
            try withTestFolder { folder in
                let reference = folder("reference.raw")
                try Fixtures.rawDisk(reference, byteCount: 8 << 20, data: [0..<300_000, 5 << 20..<6 << 20])
                var image = folder("d.\(format)")
                let isSized = program == "vpc" ? ["-o", "force_size"] : []
                try run(["qemu-img", "convert", "-f", "raw", "-O", program] + isSized + [reference, image])
                if container == "compressed" {
                    try run(["gzip", image])
                    image += ".gz"
                }
                let name = "kind-\(format)-\(container)"
                try server.upload(image, named: name, container: container, disk: format)
                try withMount(of: "glance:\(name)", in: folder, options: "os_cloud=demo") { mount in
                    try run(["cmp", mount("\(name).raw"), reference])
                }
                guard container == "bare" else { return }
                let header = try run([
                    try Ovafs.path(), "info", "--json", "--header", "--os-cloud=demo", "glance:\(name)",
                ])
                #expect(
                    try JSONDecoder().decode(Header.self, from: header.standardOutput).virtualSize == 8 << 20)
            }
        }

        private struct Header: Decodable { let virtualSize: Int }

        @Test("G2: what cannot be read says why in one line; of several with one name, the ids are listed")
        func refusals() throws {
            try server.ensure()
            try withTestFolder { folder in
                let disk = try disk(in: folder, mebibytes: 1)
                let twice = try (0..<2).map { _ in try server.upload(disk, named: "twice") }
                try server.upload(nil, named: "queued")
                try server.upload(try folder.write("", to: "empty"), named: "empty")
                let hidden = try server.upload(disk, named: "hidden", members: #""os_hidden": true"#)
                let stopped = try server.upload(disk, named: "stopped")
                try server.deactivate(stopped)
                let deleted = try server.upload(disk, named: "deleted")
                try server.delete(deleted)
                let lost = try server.upload(disk, named: "lost")
                try run(["rm", server.storedFile(lost)])
                let cases: [(String, Int32, String)] = [
                    ("twice", 1, twice[0]), ("twice", 1, twice[1]), ("queued", 3, "no data was uploaded"),
                    ("empty", 3, "0 bytes"), ("hidden", 3, hidden), ("stopped", 3, "deactivated"),
                    ("deleted", 3, "no image named deleted"), (deleted, 3, "deleted"),
                    ("lost", 3, "no data behind it"),
                    ("nothing", 3, "no image named nothing"), ("", 2, "ovafs images"),
                ]
                for (name, exitCode, words) in cases {
                    let result = try Ovafs.attempt("info", "--os-cloud=demo", "glance:\(name)")
                    #expect(result.exitCode == exitCode, "\(name)")
                    #expect(result.standardError.contains(words), "\(name): \(result.standardError)")
                    #expect(result.standardError.split(separator: "\n").count == 1)
                }
                #expect(try Ovafs.attempt("info", "--os-cloud=demo", "glance:\(hidden)").exitCode == 0)
                for (cloud, exitCode) in [("absent", Int32(2)), ("other", 3)] {
                    let result = try Ovafs.attempt("info", "--os-cloud=\(cloud)", "glance:\(hidden)")
                    #expect(result.exitCode == exitCode)
                }
                let several = try Ovafs.attempt("info", "glance:twice")
                #expect(several.exitCode == 2 && several.standardError.contains("OS_CLOUD"))
            }
        }

        @Test(
            "W12 G1: what a mount of an image read is brought first by the next; a record of another changes nothing"
        )
        func replay() throws {
            try server.ensure()
            try withTestFolder { folder in
                let disk = try disk(in: folder)
                try server.upload(disk, named: "booted")
                try server.upload(disk, named: "booted-not")
                let record = folder("boot.reads")
                for (image, option) in [
                    ("booted", "record"), ("booted", "replay"), ("booted-not", "replay"),
                ] {
                    let mount = try Mount(
                        "glance:\(image)", in: folder, on: "mnt-\(image)-\(option)",
                        options: "os_cloud=demo,\(option)=\(record)")
                    #expect(!mount.messages.contains("\(option)= is for"), "\(mount.messages)")
                    try run(["cmp", mount("\(image).raw"), disk])
                    try mount.unmount()
                    // The server writes when its mount has gone.
                    try shell(
                        #"for i in $(seq 500); do [ -s "$1" ] && exit 0; sleep 0.02; done; exit 1"#, record)
                }
                #expect(try run(["head", "-n", "1", record]).text.hasPrefix("ovafs record of reads"))
            }
        }

        @Test("G5: an image that was deleted answers ESTALE; one that got another property is the same")
        func deleted() throws {
            try server.ensure()
            try withTestFolder { folder in
                let disk = try disk(in: folder)
                let id = try server.upload(disk, named: "replaced")
                let options = "os_cloud=demo,cache=none,cache_size=4M,timeout=20"
                try withMount(of: "glance:replaced", in: folder, options: options) { mount in
                    try server.addProperty("p", "v", to: id)
                    #expect(try read(mount("replaced.raw"), mebibyte: 10).exitCode == 0)
                    try server.delete(id)
                    try server.upload(disk, named: "replaced")
                    let result = try read(mount("replaced.raw"), mebibyte: 20)
                    #expect(result.exitCode == 1 && result.standardError.contains("Stale"))
                }
            }
        }

        @Test(
            "G7: no secret is in arguments, mounts, counters, descriptions, logs or errors; an open clouds.yaml is warned of"
        )
        func secrets() throws {
            try server.ensure()
            try withTestFolder { folder in
                let disk = try disk(in: folder)
                try server.upload(disk, named: "secret")
                let log = folder("log")
                let mount = try Mount(
                    "glance:secret", in: folder,
                    options: "os_cloud=demo,ctldir=visible,cache=none,cache_size=4M,timeout=20,log=\(log)")
                var seen = try String(contentsOfFile: "/proc/self/mountinfo", encoding: .utf8)
                seen += try shell("tr '\\0' ' ' < /proc/$1/cmdline", "\(mount.server)").text
                for file in [".ova/stats.json", ".ova/info.json"] {
                    seen += try run(["cat", mount(file)]).text
                }
                seen += mount.messages
                // An error, for the log.
                try server.stop()
                #expect(try read(mount("secret.raw"), mebibyte: 20).exitCode == 1)
                for command in ["info", "images"] {
                    let arguments =
                        ["--os-cloud=demo", "--timeout=1"] + (command == "info" ? ["glance:secret"] : [])
                    let result = try attempt([try Ovafs.path(), command] + arguments)
                    #expect(result.exitCode == 3)
                    seen += result.standardError + result.text
                }
                try mount.unmount()
                try server.ensure()
                seen += try String(contentsOfFile: log, encoding: .utf8)
                try shell(
                    "sed 's/demo-secret/wrong-secret/' \"$1\" > \"$2\"", server.configuration,
                    folder("clouds.yaml"))
                try run(["chmod", "644", folder("clouds.yaml")])
                let refused = try attempt([
                    "env", "OS_CLIENT_CONFIG_FILE=\(folder("clouds.yaml"))", try Ovafs.path(), "images",
                    "--os-cloud=demo",
                ])
                #expect(refused.exitCode == 3 && !refused.standardError.contains("wrong-secret"))
                try run(["cp", server.configuration, folder("open.yaml")])
                try run(["chmod", "644", folder("open.yaml")])
                let open = try attempt([
                    "env", "OS_CLIENT_CONFIG_FILE=\(folder("open.yaml"))", try Ovafs.path(), "images",
                    "--os-cloud=demo",
                ])
                #expect(open.exitCode == 0 && open.standardError.contains("can be read by others"))
                seen += open.standardError + open.text + refused.standardError
                for word in GlanceServer.secrets { #expect(!seen.contains(word)) }
            }
        }

        @Test(
            "G9: ovafs images lists all, with their sizes, as a table and as JSON, and no control characters")
        func list() throws {
            try server.ensure()
            try withTestFolder { folder in
                let reference = try disk(in: folder, mebibytes: 2)
                let image = folder("x.vmdk")
                try Fixtures.vmdk(reference, to: image)
                try server.upload(image, named: "listed\\u001b[2J", disk: "vmdk")
                let table = try run([try Ovafs.path(), "images", "--os-cloud=demo"])
                #expect(table.lines[0].hasPrefix("ID") && !table.text.contains("\u{1b}"))
                // What the service takes for another format, it does not know the size of.
                let id = try server.upload(image, named: "unsized", disk: "qcow2")
                for (options, size) in [([], nil), (["--virtual-sizes"], 2 << 20)] {
                    let json = try run([try Ovafs.path(), "images", "--os-cloud=demo", "--json"] + options)
                    let list = try JSONDecoder().decode(List.self, from: json.standardOutput)
                    #expect(list.images.count == table.lines.count)
                    let entry = try #require(list.images.first { $0.id == id })
                    #expect(
                        entry.virtualSize == size && entry.status == "active"
                            && entry.containerFormat == "bare")
                }
            }
        }

        private struct List: Decodable {
            struct Image: Decodable {
                let id: String
                let status: String
                let containerFormat: String
                let virtualSize: Int?
            }
            let images: [Image]
        }

        @Test("G10: mount(8)'s helpers mount images")
        func helpers() throws {
            try server.ensure()
            try withTestFolder { folder in
                let disk = try disk(in: folder, mebibytes: 1)
                try server.upload(disk, named: "helped")
                let root = folder("root")
                try run([
                    "make", "--silent", "-C", Ovafs.sourceTree.path, "install", "DESTDIR=\(root)",
                    "BINARY=\(try Ovafs.path())",
                ])
                // It names the program at its place without DESTDIR.
                try shell("sed -i \"s|^installed_ovafs=|&$1|\" \"$1/sbin/mount.ova\"", root)
                for (number, command) in [
                    ["mount.ova", "glance:helped"], ["mount.glance", "helped"],
                    ["mount.glance", "glance:helped"], ["mount.glance", "glance:"],
                ].enumerated() {
                    let point = try folder.makeFolder("mnt\(number)")
                    try run([
                        root + "/sbin/" + command[0], command[1], point, "-o", "rw,os_cloud=demo,_netdev",
                    ])
                    let image = command[1] == "glance:" ? "/helped" : ""
                    try run(["cmp", point + image + "/helped.raw", disk])
                    // What fstab has is how `mount -a` knows what is mounted.
                    let shown = try run(["findmnt", "--noheadings", "--output", "SOURCE", point]).text
                    #expect(shown == command[1])
                    // The image's name, whoever mounted it.
                    if number == 1 { try run([try Ovafs.path(), "unmount", "glance:helped"]) }
                    if number != 1 { try unmount(point) }
                    try wait(for: "the server's end") { folder.processes().isEmpty }
                }
            }
        }

        @Test("G3 G4: a token that ends is renewed; a service that is started again ends no read")
        func renewal() throws {
            try server.ensure()
            try withTestFolder { folder in
                let disk = try disk(in: folder)
                try server.upload(disk, named: "lasting")
                let options = "os_cloud=demo,cache=none,cache_size=4M,timeout=240"
                try withMount(of: "glance:lasting", in: folder, options: options) { mount in
                    try server.stop()
                    let line =
                        "cmp \"$1\" \"$2\" & reader=$!; \(server.startLine("--token-ttl 12")); wait $reader"
                    try run(["bash", "-euc", line, "bash", mount("lasting.raw"), disk], limit: 280)
                    server.noteOptions(["--token-ttl", "12"])
                }
                try run(["rmdir", folder("mnt")])
                // This one's tokens are short-lived.
                try withMount(of: "glance:lasting", in: folder, options: options) { mount in
                    #expect(try read(mount("lasting.raw"), mebibyte: 2).exitCode == 0)
                    sleep(13)
                    #expect(try read(mount("lasting.raw"), mebibyte: 12).exitCode == 0)
                    try run(["cmp", mount("lasting.raw"), disk], limit: 240)
                }
                try uploadOutlastingItsToken(disk, in: folder)
            }
        }

        @Test("G6: a store that gives no parts of images is read in one piece")
        func withoutRanges() throws {
            try server.ensure(["--no-random-reads"])
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                try server.upload(package.path, named: "whole", container: "ova", disk: "vmdk")
                try withMount(of: "glance:whole", in: folder, options: "os_cloud=demo") { mount in
                    for (name, reference) in package.references { try run(["cmp", mount(name), reference]) }
                }
                // So is one of all images, with an image that is no package beside it.
                try server.upload(package.firstReference, named: "plain")
                try withMount(of: "glance:", in: folder, options: "os_cloud=demo") { mount in
                    for (name, reference) in package.references {
                        try run(["cmp", mount("whole/" + name), reference])
                    }
                    try run(["cmp", mount("plain/plain.raw"), package.firstReference])
                }
            }
        }
    }
}
