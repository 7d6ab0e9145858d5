// What is fed with damaged input.
// SPDX-License-Identifier: Apache-2.0

import ArgumentParser

/// What takes the bytes. An error is fine; a trap, a hang or memory without bound is what is looked for. Each has a file of
/// its own in `Targets/`.
enum FuzzTarget: String, CaseIterable, ExpressibleByArgument {
    case tar
    case package
    case envelope
    case manifest
    case certificate
    /// Disk images, of every format.
    case images
    /// Disks that build on other files, in an archive.
    case chain
    case gzip
    case partitions
    /// Partition tables of disks that are decoded.
    case disk
    case xz
    case zstd
    case bzip2
    /// A whole package: opened, shown as a tree, read, summarised and verified.
    case appliance
    /// The tree of files by itself: the bytes say what is put where.
    case tree
    /// Answers of a cloud: JSON of Keystone and of an image service.
    case services
    /// Lists of images, and the folders that follow from them.
    case catalogue
    /// clouds.yaml and its like.
    case settings
    /// Records of reads.
    case records
    /// Answers of web servers.
    case answers
    /// The program: the bytes are its arguments.
    case commands
    /// The program again, with packages that are made to cost, as they are.
    case bombs

    /// Whether an input is a tar archive, whose checksums have to be right to be read at all.
    var isArchive: Bool { self == .tar || self == .package || self == .appliance || self == .chain }

    /// Whether processor time tells anything: the programs that are started have time of their own.
    var isTimed: Bool { self != .commands && self != .bombs }

    func parse(_ bytes: [UInt8]) throws {
        switch self {
        case .tar: TarTarget.run(bytes)
        case .package: PackageTarget.run(bytes)
        case .envelope: EnvelopeTarget.run(bytes)
        case .manifest: ManifestTarget.run(bytes)
        case .certificate: CertificateTarget.run(bytes)
        case .images: ImageTarget.run(bytes)
        case .chain: ChainTarget.run(bytes)
        case .gzip: GzipTarget.run(bytes)
        case .partitions: PartitionTarget.run(bytes)
        case .disk: DiskTarget.run(bytes)
        case .xz, .zstd, .bzip2: UnitTarget.run(bytes)
        case .appliance: ApplianceTarget.run(bytes)
        case .tree: TreeTarget.run(bytes)
        case .services: ServiceTarget.run(bytes)
        case .catalogue: CatalogueTarget.run(bytes)
        case .settings: SettingsTarget.run(bytes)
        case .records: RecordTarget.run(bytes)
        case .answers: try AnswerTarget.run(bytes)
        case .commands: try CommandTarget.run(bytes)
        case .bombs: try BombRun.run()
        }
    }
}
