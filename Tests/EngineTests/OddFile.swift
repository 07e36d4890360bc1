import Formats
import Foundation
import Glibc
import Host
import TestSupport
import Testing

/// What may be in place of an expected file and cannot be read as one.
enum OddFile: CaseIterable {
    case directory, fifo, fiveMegabytes, linkToItself, belowAFile

    /// Made once: without optimization that takes a second.
    private static let fiveMegabytesOfBlanks = ByteString(repeatElement(0x20, count: 5 << 20))

    func put(at name: ByteString, in folder: TemporaryFolder) throws {
        try Files.makeDirectories(folder[name].parentPath, mode: 0o755)
        switch self {
        case .directory: try Files.makeDirectory(folder[name], mode: 0o755)
        case .fifo: #expect(mkfifo(folder[name].lossy, 0o644) == 0)
        case .fiveMegabytes: try folder.write(name, Self.fiveMegabytesOfBlanks)
        case .linkToItself: try Files.makeLink(folder[name], to: folder[name])
        case .belowAFile:
            let parent = folder[name].parentPath
            try FileManager.default.removeItem(atPath: parent.lossy)
            try Files.replace(parent, with: "not a directory", mode: 0o644)
        }
    }
}
