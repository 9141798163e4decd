/**
 * README.txt: what a package is and how to open it, in the person's language. Each language is a column of the catalog: one
 * that lacks a sentence does not compile. What was found is in the pages. Pure.
 */
import type { Language } from '../request/options';
import type { PackageDocument } from './document';
import { catalogOf } from './page/catalogs';
import { gapSentence } from './page/sentences';
import { isEmpty, isSearched } from './page/standing';

interface Words {
  readonly title: string;
  readonly what: (requestId: string, began: string) => string;
  readonly nothing: string;
  readonly leftOut: string;
  readonly incomplete: string;
  readonly open: string;
  readonly files: string;
  readonly index: string;
  readonly notice: string;
  readonly tables: string;
  readonly media: string;
  readonly json: string;
  readonly manifest: string;
  readonly safe: string;
}

const WORDS: Readonly<Record<Language, Words>> = {
  en: {
    title: 'A copy of your personal data',
    what: (requestId, began) =>
      `This archive answers access request ${requestId}. It shows what was found about you in the telephone service Aircall. The search began on ${began}.`,
    nothing: 'Nothing about you was found. index.html shows what was searched.',
    leftOut: 'Something was left out, or replaced. index.html shows what, and why.',
    incomplete: 'Not everything could be searched or read. index.html shows what is missing, and why.',
    open: 'First extract the whole archive into a folder. Then open index.html in a web browser. It needs no internet connection.',
    files: 'Files:',
    index: 'contacts and calls, to read and to print; also what was withheld, what was searched, and what is missing',
    notice: 'how your data is used, and your rights',
    tables:
      'tables for a spreadsheet program. An apostrophe stands before text that the program could take for a formula.',
    media: 'recordings and voicemails',
    json: 'all data of this archive, every field, for computer programs, and its schema',
    manifest: 'size and SHA-256 digest of every file, with a digital signature of the sender',
    safe: 'This archive holds personal data. Keep it in a place that only you can open.',
  },
  fr: {
    title: 'Copie de vos données personnelles',
    what: (requestId, began) =>
      `Cette archive répond à la demande d'accès ${requestId}. Elle montre ce qui a été trouvé à votre sujet dans le service de téléphonie Aircall. La recherche a commencé le ${began}.`,
    nothing: "Rien n'a été trouvé à votre sujet. Le fichier index.html montre ce qui a été recherché.",
    leftOut: 'Certains éléments ont été retirés ou remplacés. Le fichier index.html montre lesquels et pourquoi.',
    incomplete: "Tout n'a pas pu être recherché ou lu. Le fichier index.html montre ce qui manque et pourquoi.",
    open: "Extrayez d'abord toute l'archive dans un dossier. Ouvrez ensuite index.html dans un navigateur web. Aucune connexion à Internet n'est nécessaire.",
    files: 'Fichiers :',
    index:
      'contacts et appels, à lire et à imprimer ; aussi ce qui a été retiré, ce qui a été recherché et ce qui manque',
    notice: 'comment vos données sont utilisées, et vos droits',
    tables:
      'tableaux pour un tableur. Une apostrophe précède tout texte que le tableur pourrait prendre pour une formule.',
    media: 'enregistrements et messages vocaux',
    json: 'toutes les données de cette archive, chaque champ, pour des programmes informatiques, et leur schéma',
    manifest: "taille et empreinte SHA-256 de chaque fichier, avec une signature numérique de l'expéditeur",
    safe: 'Cette archive contient des données personnelles. Conservez-la à un endroit auquel vous seul avez accès.',
  },
  de: {
    title: 'Kopie Ihrer personenbezogenen Daten',
    what: (requestId, began) =>
      `Dieses Archiv beantwortet die Auskunftsanfrage ${requestId}. Es zeigt, was im Telefondienst Aircall über Sie gefunden wurde. Die Suche begann am ${began}.`,
    nothing: 'Es wurde nichts über Sie gefunden. In index.html steht, was durchsucht wurde.',
    leftOut: 'Etwas wurde weggelassen oder ersetzt. In index.html steht, was und warum.',
    incomplete: 'Es ließ sich nicht alles durchsuchen oder lesen. In index.html steht, was fehlt und warum.',
    open: 'Entpacken Sie zuerst das ganze Archiv in einen Ordner. Öffnen Sie dann index.html in einem Webbrowser. Eine Internetverbindung ist nicht nötig.',
    files: 'Dateien:',
    index:
      'Kontakte und Anrufe zum Lesen und Drucken; auch, was zurückgehalten wurde, was durchsucht wurde und was fehlt',
    notice: 'wie Ihre Daten verwendet werden, und Ihre Rechte',
    tables:
      'Tabellen für ein Tabellenprogramm. Vor Text, den das Programm für eine Formel halten könnte, steht ein Apostroph.',
    media: 'Aufzeichnungen und Sprachnachrichten',
    json: 'alle Daten dieses Archivs, jedes Feld, für Computerprogramme, und ihr Schema',
    manifest: 'Größe und SHA-256-Prüfsumme jeder Datei, mit einer digitalen Signatur des Absenders',
    safe: 'Dieses Archiv enthält personenbezogene Daten. Bewahren Sie es so auf, dass nur Sie es öffnen können.',
  },
  es: {
    title: 'Copia de sus datos personales',
    what: (requestId, began) =>
      `Este archivo responde a la solicitud de acceso ${requestId}. Muestra lo que se encontró sobre usted en el servicio de telefonía Aircall. La búsqueda comenzó el ${began}.`,
    nothing: 'No se encontró nada sobre usted. El fichero index.html muestra dónde se buscó.',
    leftOut: 'Se omitió o se sustituyó algo. El fichero index.html muestra qué y por qué.',
    incomplete: 'No se pudo buscar o leer todo. El fichero index.html muestra qué falta y por qué.',
    open: 'Primero extraiga todo el archivo en una carpeta. Después abra index.html en un navegador web. No hace falta conexión a Internet.',
    files: 'Ficheros:',
    index: 'contactos y llamadas, para leer e imprimir; también lo que se omitió, lo que se buscó y lo que falta',
    notice: 'cómo se usan sus datos, y sus derechos',
    tables:
      'tablas para una hoja de cálculo. Hay un apóstrofo delante del texto que el programa podría tomar por una fórmula.',
    media: 'grabaciones y mensajes de voz',
    json: 'todos los datos de este archivo, cada campo, para programas informáticos, y su esquema',
    manifest: 'tamaño y resumen SHA-256 de cada fichero, con una firma digital del remitente',
    safe: 'Este archivo contiene datos personales. Guárdelo en un lugar al que solo usted tenga acceso.',
  },
  it: {
    title: 'Copia dei Suoi dati personali',
    what: (requestId, began) =>
      `Questo archivio risponde alla richiesta di accesso ${requestId}. Mostra ciò che è stato trovato su di Lei nel servizio telefonico Aircall. La ricerca è iniziata il ${began}.`,
    nothing: 'Non è stato trovato nulla su di Lei. Il file index.html mostra dove si è cercato.',
    leftOut: 'Qualcosa è stato omesso o sostituito. Il file index.html mostra che cosa e perché.',
    incomplete: 'Non è stato possibile cercare o leggere tutto. Il file index.html mostra che cosa manca e perché.',
    open: "Estragga prima l'intero archivio in una cartella. Poi apra index.html in un browser web. Non serve una connessione a Internet.",
    files: 'File:',
    index:
      'contatti e chiamate, da leggere e da stampare; anche ciò che è stato omesso, dove si è cercato e che cosa manca',
    notice: 'come sono usati i Suoi dati, e i Suoi diritti',
    tables:
      'tabelle per un foglio di calcolo. Un apostrofo precede il testo che il programma potrebbe prendere per una formula.',
    media: 'registrazioni e messaggi vocali',
    json: 'tutti i dati di questo archivio, ogni campo, per programmi informatici, e il loro schema',
    manifest: 'dimensione e impronta SHA-256 di ogni file, con una firma digitale del mittente',
    safe: 'Questo archivio contiene dati personali. Lo conservi in un luogo accessibile solo a Lei.',
  },
  nl: {
    title: 'Kopie van uw persoonsgegevens',
    what: (requestId, began) =>
      `Dit archief beantwoordt inzageverzoek ${requestId}. Het toont wat er over u is gevonden in de telefoondienst Aircall. Het zoeken begon op ${began}.`,
    nothing: 'Er is niets over u gevonden. In index.html staat waarin is gezocht.',
    leftOut: 'Er is iets weggelaten of vervangen. In index.html staat wat en waarom.',
    incomplete: 'Niet alles kon worden doorzocht of gelezen. In index.html staat wat ontbreekt en waarom.',
    open: 'Pak eerst het hele archief uit in een map. Open daarna index.html in een webbrowser. Een internetverbinding is niet nodig.',
    files: 'Bestanden:',
    index:
      'contacten en gesprekken, om te lezen en te printen; ook wat is achtergehouden, waarin is gezocht en wat ontbreekt',
    notice: 'hoe uw gegevens worden gebruikt, en uw rechten',
    tables:
      'tabellen voor een spreadsheetprogramma. Voor tekst die het programma als formule zou kunnen lezen, staat een apostrof.',
    media: 'opnamen en voicemails',
    json: 'alle gegevens van dit archief, elk veld, voor computerprogramma’s, en het schema ervan',
    manifest: 'grootte en SHA-256-controlegetal van elk bestand, met een digitale handtekening van de afzender',
    safe: 'Dit archief bevat persoonsgegevens. Bewaar het op een plek waar alleen u bij kunt.',
  },
  pt: {
    title: 'Cópia dos seus dados pessoais',
    what: (requestId, began) =>
      `Este arquivo responde ao pedido de acesso ${requestId}. Mostra o que foi encontrado sobre si no serviço telefónico Aircall. A pesquisa começou em ${began}.`,
    nothing: 'Não foi encontrado nada sobre si. O ficheiro index.html mostra onde se pesquisou.',
    leftOut: 'Algo foi omitido ou substituído. O ficheiro index.html mostra o quê e porquê.',
    incomplete: 'Não foi possível pesquisar ou ler tudo. O ficheiro index.html mostra o que falta e porquê.',
    open: 'Primeiro extraia todo o arquivo para uma pasta. Depois abra index.html num navegador web. Não é necessária uma ligação à Internet.',
    files: 'Ficheiros:',
    index: 'contactos e chamadas, para ler e imprimir; também o que foi retirado, onde se pesquisou e o que falta',
    notice: 'como são usados os seus dados, e os seus direitos',
    tables:
      'tabelas para uma folha de cálculo. Há um apóstrofo antes do texto que o programa poderia tomar por uma fórmula.',
    media: 'gravações e mensagens de voz',
    json: 'todos os dados deste arquivo, cada campo, para programas informáticos, e o seu esquema',
    manifest: 'tamanho e resumo SHA-256 de cada ficheiro, com uma assinatura digital do remetente',
    safe: 'Este arquivo contém dados pessoais. Guarde-o num local a que só você tenha acesso.',
  },
};

const NOTICE = 'notice.html';

/** @param pages of the package; the notice is named only if it is among them */
export function readmeText(document: PackageDocument, pages: readonly { readonly path: string }[]): string {
  const { requestId, language, recordings, voicemails, coverage } = document;
  const words = WORDS[language];
  const catalog = catalogOf(language);
  const hasMedia = [...recordings, ...voicemails].some(row => 'file' in row);
  const files = [
    ['index.html', words.index],
    ...(pages.some(({ path }) => path === NOTICE) ? [[NOTICE, words.notice]] : []),
    ['csv/', words.tables],
    ...(hasMedia ? [['media/', words.media]] : []),
    ['access-package.json', words.json],
    ['manifest.json', words.manifest],
  ];
  const paragraphs = [
    words.title,
    words.what(requestId, beganOn(document)),
    ...(isEmpty(document) ? [words.nothing] : []),
    ...(isRedacted(document) ? [words.leftOut] : []),
    ...coverage.notice.gaps.map(({ code }) => `${gapSentence(code, { catalog })}.`),
    ...(isSearched(document) ? [] : [words.incomplete]),
    words.open,
    [words.files, ...files.map(([path, about]) => `- ${path}: ${about}`)].join('\n'),
    words.safe,
  ];
  return `${paragraphs.join('\n\n')}\n`;
}

function beganOn({ createdAt, language, timezone }: PackageDocument): string {
  const format = new Intl.DateTimeFormat(language, { dateStyle: 'long', timeStyle: 'short', timeZone: timezone });
  return `${format.format(new Date(createdAt))} (${timezone})`;
}

function isRedacted({ redactions, withheld }: PackageDocument): boolean {
  return redactions.length > 0 || withheld.length > 0;
}
