// Inputs to start from that are built, not collected.
// SPDX-License-Identifier: Apache-2.0

import TestSupport

/// Constructed inputs: every form of a member with every image, descriptor and manifest, and each bomb in a small form.
enum Seeds {
    static func all(for target: FuzzTarget) -> [[UInt8]] {
        switch target {
        case .tar, .package, .appliance: packages + Bomb.all.map(\.seed)
        case .envelope: descriptors.map { Array($0.utf8) }
        case .manifest, .certificate: manifests.map { Array($0.utf8) }
        case .images: images + furtherImages + qcowImages + virtualHardDisks
        case .chain: ChainSeeds.archives
        case .gzip: images.map { GzipCompressor.compress($0) } + [GzipCompressor.compress([])]
        case .partitions: partitionTables
        case .disk: ChainSeeds.partitionedDisks
        case .xz: CompressedSeeds.xz
        case .zstd: CompressedSeeds.zstd
        case .bzip2: CompressedSeeds.bzip2
        case .tree: trees.map { Array($0.utf8) }
        case .services: RemoteSeeds.services
        case .catalogue: RemoteSeeds.catalogues
        case .settings: RemoteSeeds.settings
        case .records: RemoteSeeds.records
        case .answers: RemoteSeeds.answers
        case .bombs: []
        case .commands: commands.map { Array($0.joined(separator: "\0").utf8) }
        }
    }

    static let images: [[UInt8]] = {
        var front = StreamOptimizedBuilder(GrainContent.mixed(12))
        front.directoryPlace = .front
        return [
            StreamOptimizedBuilder(GrainContent.mixed(12)).build().bytes, front.build().bytes,
            MonolithicSparseBuilder(GrainContent.mixed(12)).build().bytes,
            VDIBuilder(GrainContent.mixed(12)).build().bytes,
            [UInt8](repeating: 0x55, count: 2048), [],
        ]
    }()

    /// Images that are not put into packages of every kind: there would be too many.
    private static let furtherImages: [[UInt8]] = {
        let contents = GrainContent.mixed(12)
        return [
            VDIBuilder(contents).with {
                $0.extraByteCount = 512
                $0.type = 2
            }.build().bytes,
            VDIBuilder(contents).with {
                $0.type = 4
                $0.parentCreation = [UInt8](repeating: 1, count: 16)
            }.build().bytes,
            ParallelsBuilder(contents).build().bytes,
            ParallelsBuilder(contents).with {
                $0.isExtended = false
                $0.sectorsPerBlock = 63
            }.build().bytes,
            CloopBuilder(contents).build().bytes,
            COWDBuilder(contents).build().bytes, SESparseBuilder(contents).build().bytes,
        ]
    }()

    /// qcow of each version, with zeros, snapshots and a backing file.
    private static let qcowImages: [[UInt8]] = [
        QCOWBuilder(QCOWClusterContent.mixed(12)).with { $0.version = 1 },
        QCOWBuilder(QCOWClusterContent.mixed(12)).with { $0.version = 2 },
        QCOWBuilder(QCOWClusterContent.mixedWithZeros(12)).with {
            $0.snapshots = [.init("s", QCOWClusterContent.mixedWithZeros(6)), .init("", [.plain(.text)])]
        },
        QCOWBuilder(QCOWClusterContent.mixedWithZeros(12)).with { $0.compressor = .zstd },
        QCOWBuilder(QCOWClusterContent.mixedWithZeros(12)).with {
            $0.backingName = Array("d.raw".utf8)
            $0.extensions = [(QCOWBuilder.formatExtension, Array("raw".utf8))]
        },
        QCOWBuilder(QCOWClusterContent.mixedWithSubclusters(6)).with {
            $0.clusterBits = 14
            $0.isExtended = true
        },
    ].map { $0.build().bytes }

    /// VHD of each kind, and VHDX with and without a log: larger than the others, so for the target of images alone.
    static let virtualHardDisks: [[UInt8]] = {
        let blocks: [VHDBuilder.Block] = [.whole, .absent, .part]
        var child = VHDBuilder(.differencing, blocks)
        child.parentName = .utf16("parent.vhd", highestByteFirst: true)
        child.locators = [("W2ru", .utf16(".\\parent.vhd", highestByteFirst: false))]
        var differencing = VHDXBuilder([.part, .zero])
        differencing.parent = [
            ("relative_path", "parent.vhdx"), ("parent_linkage", "{04030201-0605-0807-090a-0b0c0d0e0f10}"),
        ]
        var logged = VHDXBuilder([.absent, .absent]).build()
        var log = VHDXLogWriter()
        log.append(logged.takePages([logged.table]) + [.zeros(at: 1 << 30, 1 << 62)])
        log.append(logged.takePages([VHDXBuilder.metadataOffset]), tail: 0)
        logged.setLog(log)
        return [
            VHDBuilder(.fixed, blocks).build().bytes, VHDBuilder(.dynamic, blocks).build().bytes,
            child.build().bytes, VHDXBuilder([.absent, .zero]).build().bytes, differencing.build().bytes,
            logged.bytes,
        ]
    }()

    static let partitionTables: [[UInt8]] = {
        var gpt = [UInt8](repeating: 0, count: 64 << 10)
        var table = PartitionTableBuilder.GPT([.init(40, 60, name: "one"), .init(64, 100)])
        table.entryCount = 8
        table.write(onto: &gpt)
        var chain = [UInt8](repeating: 0, count: 64 << 10)
        let records: [(sector: Int, entries: [(type: UInt8, start: UInt32, count: UInt32)])] = [
            (0, [(0x83, 4, 8), (5, 20, 80)]), (20, [(0x83, 1, 4), (5, 20, 8)]),
            (40, [(5, 40, 8), (0x82, 1, 4)]), (60, [(0x83, 1, 4)]),
        ]
        for record in records {
            let bytes = PartitionTableBuilder.bootRecord(record.entries)
            chain.replaceSubrange(record.sector * 512..<record.sector * 512 + 512, with: bytes)
        }
        return [gpt, chain]
    }()

    /// How the name of a disk is stored.
    private enum Naming: CaseIterable {
        case plain, pax, gnu, sparse, hardLink, chunks, compressed
    }

    static let packages: [[UInt8]] = images.flatMap { image in
        Naming.allCases.flatMap { naming in
            manifests.map { manifest in package(image, naming, manifest) }
        }
    }

    private static func package(_ image: [UInt8], _ naming: Naming, _ manifest: String) -> [UInt8] {
        var tar = TarBuilder()
        let attributes =
            switch naming {
            case .chunks: "ovf:chunkSize=\"2048\""
            case .compressed: "ovf:compression=\"gzip\""
            default: ""
            }
        tar.add("x.ovf", Array(descriptor(fileAttributes: attributes).utf8))
        if !manifest.isEmpty { tar.add("x.mf", Array(manifest.utf8)) }
        switch naming {
        case .plain: tar.add("d.vmdk", image)
        case .pax:
            tar.addPax([("path", "d.vmdk"), ("size", "\(image.count)"), ("mtime", "1.5")])
            tar.add("short", image)
        case .gnu:
            tar.addLong(Array("d.vmdk".utf8), type: "L")
            tar.add("short", image)
        case .sparse:
            let map = Array("1\n512\n\(image.count)\n".utf8)
            tar.addPax([
                ("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0"), ("GNU.sparse.name", "d.vmdk"),
                ("GNU.sparse.realsize", "\(image.count + 512)"),
            ])
            tar.add("short", map + [UInt8](repeating: 0, count: 512 - map.count) + image)
        case .hardLink:
            tar.add("other", image)
            tar.add("d.vmdk", type: "1", link: "other")
        case .chunks:
            for (number, start) in stride(from: 0, to: image.count, by: 2048).enumerated() {
                let digits = String(number)
                tar.add(
                    "d.vmdk." + String(repeating: "0", count: 9 - digits.count) + digits,
                    Array(image[start..<min(image.count, start + 2048)]))
            }
        case .compressed: tar.add("d.vmdk", GzipCompressor.compress(image))
        }
        tar.finish()
        return tar.bytes
    }

    static func descriptor(fileAttributes: String = "", extra: String = "") -> String {
        """
        <?xml version="1.0"?>
        <Envelope xmlns="http://schemas.dmtf.org/ovf/envelope/1" \
        xmlns:ovf="http://schemas.dmtf.org/ovf/envelope/1" xmlns:rasd="urn:rasd" xmlns:vssd="urn:vssd">
        <References><File ovf:id="f" ovf:href="d.vmdk" ovf:size="9" \(fileAttributes)/></References>
        <DiskSection><Info/><Disk ovf:diskId="d" ovf:fileRef="f" ovf:capacity="${c}" \
        ovf:capacityAllocationUnits="byte * 2^9"/><Disk ovf:diskId="e" ovf:capacity="4096" ovf:parentRef="d"/>\
        </DiskSection>\(extra)
        <VirtualSystem ovf:id="vm"><Info/><Name>vm</Name><ProductSection ovf:class="k"><Info/>
        <Property ovf:key="c" ovf:value="192"/></ProductSection><VirtualHardwareSection><Info/>
        <System><vssd:VirtualSystemType>vmx-13</vssd:VirtualSystemType></System>
        <Item><rasd:InstanceID>3</rasd:InstanceID><rasd:ResourceType>6</rasd:ResourceType></Item>
        <Item><rasd:InstanceID>4</rasd:InstanceID><rasd:ResourceType>17</rasd:ResourceType>
        <rasd:HostResource>ovf:/disk/d</rasd:HostResource><rasd:Parent>3</rasd:Parent></Item>
        </VirtualHardwareSection></VirtualSystem></Envelope>
        """
    }

    private static let descriptors = [
        descriptor(), descriptor(fileAttributes: "ovf:chunkSize=\"1\""),
        descriptor(
            extra: """
                <DeploymentOptionSection><Info/><Configuration ovf:id="a" ovf:default="true"><Label/></Configuration>
                </DeploymentOptionSection><AnnotationSection><Annotation>t</Annotation></AnnotationSection>
                <VirtualSystemCollection ovf:id="c"><Name>c</Name><VirtualSystem ovf:id="v"/></VirtualSystemCollection>
                <GanetiSection xmlns="g"><a name="b"><c>t</c></a></GanetiSection>
                """),
    ]

    static let manifests = [
        "", "SHA256(d.vmdk)= 00\nSHA1(x.ovf)= \(String(repeating: "0", count: 40))\n",
        "sha-256 ( d.vmdk ) = ab\r\nMD5(../d.vmdk)= 00\n\n(x)=\n",
    ]

    private static let trees = [
        "fa/b\nda\nla/c\nfa/b/c\nd.ova\nf.ova/x\n", "dx\ndx/x\ndx/x/x\nfx/x/x/x\nfx\n",
        String(repeating: "fa/", count: 200) + "z\n",
    ]

    private static let commands = [
        ["info", "--json", "x.ova"], ["verify", "--deep", "--json", "x.ova"],
        ["verify", "--trust", "x.ova", "x.ova"],
        ["extract", "x.ova", "d", "-o", "out.raw", "--force", "--threads", "2"],
        ["mount", "x.ova", "-o", "ro,uid=0,gid=0,umask=022,ctldir=visible,lenient,verify=manifest"],
        ["mount", "disk.vmdk", "-f", "-o", "cache_size=1M,open_memory=1M,threads=2,cache=none,allow_other"],
        ["mount", "x.ova", "-o", "auto_unmount,log=stderr,noexec,x-systemd.automount,user=me,\\,,="],
        ["info", "--open-memory", "1M", "--lenient", "disk.vmdk"], ["help", "mount"], ["mount", "--help"],
    ]
}
