// What the descriptor and the manifest mean, as a mount shows it: SEMANTICS, "What the package means".
// SPDX-License-Identifier: Apache-2.0

import Foundation
import Testing

extension EndToEnd {
    @Suite struct MeaningTests {
        @Test("M1: root-disk and by-bus lead to the raw disks")
        func links() throws {
            try withStandardMount { package, mount, _ in
                let links = try shell("cd $1/.ova; readlink root-disk by-bus/*", mount.point).lines
                #expect(
                    links == [
                        "../\(StandardPackage.first)", "../../\(StandardPackage.first)",
                        "../../\(StandardPackage.second)",
                    ])
                try run(["cmp", mount(".ova/root-disk"), package.firstReference])
                try run(["cmp", mount(".ova/by-bus/scsi0:1"), package.secondReference])
            }
        }

        @Test("M1 M2: where the boot disk's file is missing, root-disk leads to no other disk")
        func missingRootDisk() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let names = StandardPackage.memberNames.filter { $0 != "appliance-disk1.vmdk" }
                try Fixtures.tar(names, in: package.members, to: folder("x.ova"))
                try withMount(of: folder("x.ova"), in: folder) { mount in
                    let links = try shell("cd $1/.ova; find . -type l", mount.point).lines
                    #expect(links == ["./by-bus/scsi0:1"])
                    try run(["cmp", mount(".ova/by-bus/scsi0:1"), package.secondReference])
                    #expect(try run(["cat", mount(".ova/info.json")]).text.contains("root-disk-missing"))
                }
                let info = try Ovafs.attempt("info", folder("x.ova")).text
                #expect(info.contains("there is no root disk") && info.contains("\"vmdisk1\""))
            }
        }

        @Test("M2: each system of a collection has its disks under systems/")
        func collection() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                // The machine once more, under another name and with the second disk only.
                try shell(
                    """
                    cd "$1"
                    system=$(sed -n '/<VirtualSystem /,$p' appliance.ovf | sed 's|</Envelope>||')
                    other=$(printf '%s' "$system" | sed 's/ovf:id="vm"/ovf:id="other"/; /vmdisk1/d')
                    { sed '/<VirtualSystem /,$d' appliance.ovf
                      echo '<VirtualSystemCollection ovf:id="all"><Info>Two</Info>'
                      printf '%s\n%s\n' "$system" "$other"
                      echo '</VirtualSystemCollection></Envelope>'; } > both.ovf
                    xmllint --noout both.ovf
                    tar --create --file "$2" both.ovf appliance-disk1.vmdk appliance-disk2.vmdk notes.txt
                    """, package.members, folder("both.ova"))
                try withMount(of: folder("both.ova"), in: folder) { mount in
                    #expect(try run(["ls", mount(".ova/systems")]).lines.sorted() == ["other", "vm"])
                    try run(["cmp", mount(".ova/systems/vm/root-disk"), package.firstReference])
                    try run(["cmp", mount(".ova/systems/other/root-disk"), package.secondReference])
                }
            }
        }

        @Test("C8: info tells the operating system's identifiers and the names of the raw files")
        func identifiers() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                let section =
                    #"<OperatingSystemSection ovf:id="96" vmw:osType="debian12_64Guest" "#
                    + #"xmlns:vmw="http://www.vmware.com/schema/ovf"><Info/><Description>Debian</Description>"#
                    + "</OperatingSystemSection>"
                try shell(
                    "sed -i \"s|<VirtualHardwareSection>|$2&|\" $1/appliance.ovf", package.members, section)
                let text = try Ovafs.attempt("info", package.members).text
                #expect(text.contains("Debian (OS 96, debian12_64Guest)"), "\(text)")
                let table = try #require(text.split(separator: "\n").first { $0.hasPrefix("DISK ") })
                #expect(table.hasSuffix("  RAW"))
                for name in [StandardPackage.first, StandardPackage.second] {
                    #expect(text.split(separator: "\n").contains { $0.hasSuffix("  \(name)") })
                }
                let json = try Ovafs.attempt("info", "--json", package.members).text
                #expect(json.contains("\"operatingSystemIdentifier\" : 96"))
            }
        }

        @Test("T11: a descriptor with nothing but an empty collection is mounted, with a finding")
        func emptyCollection() throws {
            try withTestFolder { folder in
                let text = """
                    <Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" \
                    xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1"><References/>\
                    <VirtualSystemCollection ovf:id="vapp"><Info>An empty vApp</Info></VirtualSystemCollection>\
                    </Envelope>
                    """
                try folder.write(text, to: "vapp.ovf")
                try withMount(of: folder("vapp.ovf"), in: folder) { mount in
                    #expect(try run(["ls", mount.point]).lines == ["vapp.ovf"])
                    let warnings = try Summary(
                        Data(contentsOf: URL(fileURLWithPath: mount(".ova/info.json")))
                    )
                    .warnings
                    #expect(warnings.map(\.code).contains("collection-empty"))
                }
            }
        }

        @Test("M3: the manifest, rewritten for coreutils, can be checked in .ova/stored")
        func checksums() throws {
            try withStandardMount { _, mount, _ in
                let checked = try run(
                    ["sha256sum", "--check", "--strict", "../checksums.sha256"],
                    in: URL(fileURLWithPath: mount(".ova/stored"))
                ).lines
                #expect(checked.count == 4)
                #expect(checked.allSatisfy { $0.hasSuffix(": OK") })
            }
        }

        @Test("M4: glance-properties has a property a line")
        func glanceProperties() throws {
            try withStandardMount { _, mount, _ in
                let lines = try run(["cat", mount(".ova/glance-properties")]).lines
                #expect(lines.contains("vmware_adaptertype=lsiLogic"))
                #expect(lines.contains("vmware_disktype=streamOptimized"))
                #expect(lines.allSatisfy { $0.contains("=") })
            }
        }

        @Test("M5: the stored form of a disk is read once, to be shown and to be checked")
        func readOnce() throws {
            try withTestFolder { folder in
                try folder.makeFolder("members")
                let byteCount = 24 << 20
                try Fixtures.rawDisk(folder("members/disk.img"), byteCount: byteCount, data: [0..<byteCount])
                let file = ReferencedFile(id: "a", href: "disk.img")
                let disk = ListedDisk(id: "d1", file: "a", capacity: "\"\(byteCount)\"")
                try folder.write(descriptor(files: [file], disks: [disk]), to: "members/x.ovf")
                try Fixtures.manifest("x.mf", of: ["x.ovf", "disk.img"], in: folder("members"))
                try Fixtures.tar(["x.ovf", "x.mf", "disk.img"], in: folder("members"), to: folder("x.ova"))
                // With the page cache, whose read-ahead comes in mixed order, and without it.
                for (options, name) in [("", "cached"), ("cache=none", "direct")] {
                    let mount = try Mount(folder("x.ova"), in: folder, on: name, options: options)
                    let before = try Statistics(of: mount).sourceBytesRead
                    try run(["cmp", mount(".ova/stored/disk.img"), folder("members/disk.img")])
                    #expect(try Statistics(of: mount).sourceBytesRead - before <= byteCount + 65_536)
                    let state = try run([
                        "getfattr", "--only-values", "--absolute-names", "-n", "user.ova.manifest",
                        mount(".ova/stored/disk.img"),
                    ])
                    #expect(state.text == "ok", "\(name)")
                    try mount.unmount()
                }
            }
        }

        @Test("M5 F13: attributes tell the adapter, the bus, the root disk, and what is known of the digest")
        func attributes() throws {
            try withTestFolder { folder in
                let package = try StandardPackage(in: folder)
                // One digit of the second disk's digest is another.
                try shell(
                    """
                    cd "$1"; digest=$(sed -n 's/.*disk2.vmdk)= //p' appliance.mf)
                    case $digest in 0*) other=1;; *) other=0;; esac
                    sed -i "s/$digest/$other${digest#?}/" appliance.mf
                    """, package.members)
                try Fixtures.tar(StandardPackage.memberNames, in: package.members, to: folder("x.ova"))
                try withMount(of: folder("x.ova"), in: folder) { mount in
                    func value(_ name: String, _ file: String) throws -> String {
                        try run([
                            "getfattr", "--only-values", "--absolute-names", "-n", "user.ova.\(name)",
                            mount(file),
                        ])
                        .text
                    }
                    #expect(try value("adapter", StandardPackage.first) == "lsiLogic")
                    #expect(try value("bus", StandardPackage.second) == "scsi0:1")
                    #expect(try value("root", StandardPackage.first) == "true")
                    #expect(try value("root", StandardPackage.second) == "false")
                    #expect(try value("manifest", StandardPackage.first) == "unchecked")
                    try shell("cat $1/* > /dev/null", mount(".ova/stored"))
                    #expect(try value("manifest", StandardPackage.first) == "ok")
                    #expect(try value("manifest", StandardPackage.second) == "bad")
                    #expect(try value("manifest", "notes.txt") == "ok")
                }
                let point = try folder.makeFolder("refused")
                let refused = try Ovafs.attempt("mount", folder("x.ova"), point, "-o", "verify=manifest")
                #expect(refused.exitCode == 1)
                #expect(refused.standardError.contains("appliance-disk2.vmdk"))
                #expect(folder.mountPoints().isEmpty)
                try withMount(of: package.path, in: folder, options: "verify=manifest") { mount in
                    let state = try run(["getfattr", "-n", "user.ova.manifest", mount(StandardPackage.first)])
                        .text
                    #expect(state.contains("\"ok\""))
                }
            }
        }
    }
}
