// Files that are dragged onto a part of the page.

/**
 * @param {HTMLElement} element
 * @param {(files: FileList) => void} take
 * @param {() => boolean} isOpen Whether files can be taken now.
 */
export function acceptDrops(element, take, isOpen) {
  const carriesFiles = ({ dataTransfer }) => isOpen() && dataTransfer.types.includes('Files');
  const mark = (on) => element.classList.toggle('dropping', on);

  element.addEventListener('dragover', (event) => {
    if (!carriesFiles(event)) return;
    event.preventDefault();
    mark(true);
  });
  element.addEventListener('dragleave', ({ relatedTarget }) => {
    if (!element.contains(relatedTarget)) mark(false);
  });
  element.addEventListener('drop', (event) => {
    mark(false);
    if (!carriesFiles(event)) return;
    event.preventDefault();
    take(event.dataTransfer.files);
  });
}
